package stats_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// sharedData is the folder of real experiments with results by scipy 1.10.1, statsmodels 0.13.5 and R 4.2.2, named in each file. Where
// they must be there, their absence fails the test.
func sharedData(t testing.TB) string {
	t.Helper()
	const folder = "../../shared/data"
	if _, err := os.Stat(folder); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("the reference data are missing: ", err)
		}
		t.Skip("the reference data are not beside the checkout")
	}
	return folder
}

// node is an object of a reference file.
type node map[string]any

func readNode(t testing.TB, name string) node {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(sharedData(t), name))
	if err != nil {
		t.Fatal(err)
	}
	var out node
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func (n node) child(key string) node { c, _ := n[key].(map[string]any); return c }

// checker compares numbers of a reference file and counts them.
type checker struct {
	t        testing.TB
	compared int
}

// near compares a value with what the file has at the path; nothing there is no comparison. The tolerance is the files' own: 1e-9
// relative, and 1e-6 of the logarithm for p below 1e-12.
func (c *checker) near(at string, n node, key string, got float64) {
	c.t.Helper()
	want, there := n[key].(float64)
	if !there {
		return
	}
	c.compare(at+" "+key, got, want)
}

func (c *checker) compare(at string, got, want float64) {
	c.t.Helper()
	c.compared++
	tiny := math.Abs(want) < 1e-12 && math.Abs(math.Log(got)-math.Log(want)) <= 1e-6*math.Abs(math.Log(want))
	if math.Abs(got-want) > 1e-9*math.Abs(want)+1e-15 && !tiny {
		c.t.Errorf("%s: got %.17g, want %.17g", at, got, want)
	}
}

// within compares both ends of an interval.
func (c *checker) within(at string, n node, key string, low, high, tolerance float64) {
	c.t.Helper()
	list, there := n[key].([]any)
	if !there {
		return
	}
	for i, got := range []float64{low, high} {
		c.compared++
		if want := list[i].(float64); math.Abs(got-want) > tolerance*math.Abs(want)+1e-15 {
			c.t.Errorf("%s %s: got %.17g, want %.17g", at, key, got, want)
		}
	}
}

// walk visits every object below one.
func walk(at string, n node, visit func(at string, n node)) {
	visit(at, n)
	for key, value := range n {
		switch v := value.(type) {
		case map[string]any:
			walk(at+"/"+key, v, visit)
		case []any:
			for i, e := range v {
				if o, ok := e.(map[string]any); ok {
					walk(fmt.Sprintf("%s/%s/%d", at, key, i), o, visit)
				}
			}
		}
	}
}

func number(n node, key string) float64 { x, _ := n[key].(float64); return x }
