package flag

import "github.com/assayhq/assay/domain"

// Command is something that can be asked of a flag.
//
//sumtype:decl
type Command interface{ isFlagCommand() }

// The commands.
type (
	// Create makes a flag that is off everywhere. At least one variant; for a boolean flag without variants the
	// decider makes "on" (true) and "off" (false). Default is the first variant and Off the last unless they are named.
	Create struct {
		Project     domain.ProjectKey
		Key         domain.FlagKey
		Name        string // the key when empty
		Description string
		Type        Type
		Variants    []Variant
		Default     domain.VariantKey
		Off         domain.VariantKey
		Metadata    Metadata
	}
	// Describe changes name and description.
	Describe struct {
		Name        string
		Description string
	}
	// ChangeVariants replaces the variants. One that a rule, a default or an experiment of any environment serves cannot
	// go, and while an experiment is attached no value of its arms may change.
	ChangeVariants struct {
		Variants []Variant
	}
	// ChangeMetadata replaces the metadata.
	ChangeMetadata struct {
		Metadata Metadata
	}
	// TurnOn lets an environment follow its targeting.
	TurnOn struct {
		Environment domain.EnvironmentKey
	}
	// TurnOff serves the off variant to everybody in an environment.
	TurnOff struct {
		Environment domain.EnvironmentKey
	}
	// ChangeTargeting replaces an environment's rules, default and off variant. Splits without salt, algorithm or total
	// get the defaults (see Salt, domain.BucketingV1, domain.DefaultTotal).
	ChangeTargeting struct {
		Environment domain.EnvironmentKey
		Targeting   Targeting
	}
	// SetEnvironment changes the parts of an environment's setting that are given, all or none: the switch, the rules, the
	// logic (one without a rule takes it away), the default, the off variant ("" for the caller's default), the overrides, the
	// holdouts. It is ChangeTargeting and TurnOn or TurnOff in one.
	SetEnvironment struct {
		Environment domain.EnvironmentKey
		On          *bool
		Overrides   *[]Override
		Holdouts    *[]domain.HoldoutKey
		Held        *domain.VariantKey
		Rules       *[]Rule
		Logic       *Logic
		Default     *Serve
		Off         *domain.VariantKey
	}
	// AttachExperiment splits what no rule matches between the arms of an experiment. Refused while another experiment
	// is attached in that environment.
	AttachExperiment struct {
		Environment domain.EnvironmentKey
		Experiment  domain.ExperimentKey
		Unit        domain.UnitType
		Split       Split
		Layer       domain.LayerKey
		Within      []domain.Slice
	}
	// DetachExperiment ends that. Detaching what is not attached records nothing.
	DetachExperiment struct {
		Environment domain.EnvironmentKey
		Experiment  domain.ExperimentKey
	}
	// Archive takes the flag out of service everywhere. Refused while an experiment is attached.
	Archive struct{}
	// Restore puts an archived flag back into service.
	Restore struct{}
)

func (Create) isFlagCommand()           {}
func (Describe) isFlagCommand()         {}
func (ChangeVariants) isFlagCommand()   {}
func (ChangeMetadata) isFlagCommand()   {}
func (TurnOn) isFlagCommand()           {}
func (TurnOff) isFlagCommand()          {}
func (ChangeTargeting) isFlagCommand()  {}
func (SetEnvironment) isFlagCommand()   {}
func (AttachExperiment) isFlagCommand() {}
func (DetachExperiment) isFlagCommand() {}
func (Archive) isFlagCommand()          {}
func (Restore) isFlagCommand()          {}
