package posix

// A difference is one between the mount and the directory underneath that has a reason. docs/guarantees.md
// tells of each.
type difference struct {
	name  string // of the case
	call  string // the line, its parameters filled in; "": any
	stage string // where it is seen; "": everywhere
	as    string // by whom
	why   string
}

var differences = []difference{}
