module github.com/assayhq/assay/internal/gherkin

go 1.26.0

require (
	github.com/assayhq/assay v0.0.0
	github.com/cucumber/godog v0.16.0
	github.com/open-feature/go-sdk v1.20.0
)

require (
	github.com/cucumber/gherkin/go/v26 v26.2.0 // indirect
	github.com/cucumber/messages/go/v21 v21.0.1 // indirect
	github.com/gofrs/uuid v4.3.1+incompatible // indirect
	github.com/hashicorp/go-immutable-radix v1.3.1 // indirect
	github.com/hashicorp/go-memdb v1.3.5 // indirect
	github.com/hashicorp/golang-lru v1.0.2 // indirect
	github.com/spf13/pflag v1.0.10 // indirect
	go.uber.org/mock v0.6.0 // indirect
)

replace github.com/assayhq/assay => ../..

// The SDK's own go.mod asks for a later godog, a dependency of which the module proxy does not have; without this line the
// SDK would be replaced by an older one in silence.
replace github.com/cucumber/godog => github.com/cucumber/godog v0.15.1
