package auth

import (
	"slices"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/apikey"
)

// Scope says what part of the installation an operation is about.
type Scope int

// The scopes.
const (
	Installation Scope = iota + 1 // only keys of the whole installation
	InProject                     // the project in the path
	InPlace                       // the environment of the key, or the one an admin key names in the query
	Anyone                        // any key
)

// Rule says who may call an operation.
type Rule struct {
	Kinds []apikey.Kind
	Scope Scope
}

var (
	admin = []apikey.Kind{apikey.Admin}                               //nolint:gochecknoglobals // a compiled constant
	sdk   = []apikey.Kind{apikey.Admin, apikey.Server}                //nolint:gochecknoglobals // a compiled constant
	all   = []apikey.Kind{apikey.Admin, apikey.Server, apikey.Client} //nolint:gochecknoglobals // a compiled constant
)

// Rules is the table of all operations that need a key. A test holds it against the OpenAPI document.
var Rules = map[string]Rule{ //nolint:gochecknoglobals // a compiled constant
	"getDocument":           {all, Anyone},
	"getDocumentSource":     {all, Anyone},
	"listProjections":       {admin, Installation},
	"rebuildProjection":     {admin, Installation},
	"getTelemetry":          {admin, Installation},
	"getLog":                {admin, Installation},
	"verifyLog":             {admin, Installation},
	"backUpLog":             {admin, Installation},
	"listProjects":          {admin, Anyone},
	"createProject":         {admin, Installation},
	"getProject":            {admin, InProject},
	"changeProject":         {admin, InProject},
	"listEnvironments":      {admin, InProject},
	"createEnvironment":     {admin, InProject},
	"listInstallationKeys":  {admin, Installation},
	"createInstallationKey": {admin, Installation},
	"revokeInstallationKey": {admin, Installation},
	"listKeys":              {admin, InProject},
	"createKey":             {admin, InProject},
	"revokeKey":             {admin, InProject},
	"listFlags":             {admin, InProject},
	"createFlag":            {admin, InProject},
	"getFlag":               {admin, InProject},
	"changeFlag":            {admin, InProject},
	"getFlagEnvironment":    {admin, InProject},
	"changeFlagEnvironment": {admin, InProject},
	"archiveFlag":           {admin, InProject},
	"restoreFlag":           {admin, InProject},
	"listSegments":          {admin, InProject},
	"createSegment":         {admin, InProject},
	"getSegment":            {admin, InProject},
	"changeSegment":         {admin, InProject},
	"archiveSegment":        {admin, InProject},
	"restoreSegment":        {admin, InProject},
	"listSegmentIDs":        {admin, InProject},
	"changeSegmentIDs":      {admin, InProject},
	"listLayers":            {admin, InProject},
	"createLayer":           {admin, InProject},
	"getLayer":              {admin, InProject},
	"changeLayer":           {admin, InProject},
	"archiveLayer":          {admin, InProject},
	"restoreLayer":          {admin, InProject},
	"listHoldouts":          {admin, InProject},
	"createHoldout":         {admin, InProject},
	"getHoldout":            {admin, InProject},
	"changeHoldout":         {admin, InProject},
	"archiveHoldout":        {admin, InProject},
	"restoreHoldout":        {admin, InProject},
	"explainFlag":           {admin, InProject},
	"listMetrics":           {admin, InProject},
	"createMetric":          {admin, InProject},
	"getMetric":             {admin, InProject},
	"changeMetric":          {admin, InProject},
	"archiveMetric":         {admin, InProject},
	"restoreMetric":         {admin, InProject},
	"listExperiments":       {admin, InProject},
	"createExperiment":      {admin, InProject},
	"getExperiment":         {admin, InProject},
	"changeExperiment":      {admin, InProject},
	"startExperiment":       {admin, InProject},
	"stopExperiment":        {admin, InProject},
	"decideExperiment":      {admin, InProject},
	"getResults":            {admin, InProject},
	"listReadings":          {admin, InProject},
	"takeReading":           {admin, InProject},
	"changeWeights":         {admin, InProject},
	"getReport":             {admin, InProject},
	"designExperiment":      {admin, Anyone},
	"getHistory":            {admin, InProject},
	"recordExposures":       {all, InPlace},
	"recordMeasurements":    {all, InPlace},
	"recordFeedback":        {all, InPlace},
	"listFeedback":          {admin, InProject},
	"eraseSubject":          {admin, InProject},
	"getRuleset":            {sdk, InPlace},
	"followRuleset":         {sdk, InPlace},
	"getFlagdFlags":         {sdk, InPlace},
	"getFlagdProblems":      {sdk, InPlace},
	"evaluateAll":           {all, InPlace},
	"evaluateFlag":          {all, InPlace},
	"followEvaluations":     {all, InPlace},
}

// Verdict is what the table says of a call.
type Verdict int

// The verdicts.
const (
	Allowed   Verdict = iota + 1
	Forbidden         // the key is of the wrong kind, or does not cover this
	Hidden            // the key does not even see the project: answer as if it did not exist
)

// Judge applies the table. project is the one in the path for InProject, and the one an admin key names for InPlace.
func Judge(operation string, p Principal, project domain.ProjectKey) Verdict {
	rule, known := Rules[operation]
	if !known || !slices.Contains(rule.Kinds, p.Kind) {
		if known && rule.Scope == InProject && !p.Sees(project) {
			return Hidden
		}
		return Forbidden
	}
	switch {
	case rule.Scope == Installation && p.Project != "":
		return Forbidden
	case (rule.Scope == InProject || rule.Scope == InPlace && project != "") && !p.Sees(project):
		return Hidden
	}
	return Allowed
}
