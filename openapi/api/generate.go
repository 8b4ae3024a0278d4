// Package api is the server side of openapi.yaml: types, and the interface that handlers implement, all
// generated. Change the document and run go generate.
package api

//go:generate go tool -modfile=../../internal/tools/go.mod oapi-codegen -config config.yaml ../openapi.yaml
