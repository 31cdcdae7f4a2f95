package file

import (
	"io/fs"
	"path"
	"path/filepath"
	"time"
)

// SourceConfig is what a user says about a source. Change a value of [DefaultSourceConfig]; zero values are not defaults.
type SourceConfig struct {
	// Dir is the directory that relative paths are below and cannot leave. Default ".".
	Dir string `yaml:"dir"`
	// Path is the file: relative to Dir, or absolute, whose own directory is then the one it cannot leave.
	Path string `yaml:"path"`
	// Format is csv, jsonl or json. Default "": by the end of the file's name.
	Format Format `yaml:"format"`
	// Name is the first part of the ids, name@generation:line-content. Default "": the last element of Path.
	Name string `yaml:"name"`
	// Identity is what the generation of a file is made of where no checkpoint has it. Default "file".
	Identity Identity `yaml:"identity"`
	// Comma is the one character between the columns of a CSV file. Default ",".
	Comma string `yaml:"comma"`
	// Numbers are the columns of a CSV file that are delivered as JSON numbers, null where they are empty. Others are
	// strings.
	Numbers []string `yaml:"numbers"`
	// Booleans are the columns that are delivered as true or false (1, 0, t, f and such are understood as well), null
	// where they are empty.
	Booleans []string `yaml:"booleans"`
	// MaxRecordBytes is the longest record, without its line end. A longer one is malformed. Default 1 MiB.
	MaxRecordBytes int `yaml:"max_record_bytes"`
	// LastLine is what becomes of the last line of a CSV or JSON Lines file where it has no line end: maybe somebody is still
	// writing it. Default "take".
	LastLine LastLine `yaml:"last_line"`
	// LastLineTimeout is how long the end of the last line is waited for. Then it is refused. Default 1m.
	LastLineTimeout time.Duration `yaml:"last_line_timeout"`
	// MaxWait is how long a fetch waits for a requeued record to come due, or for unsettled ones to be settled, before it
	// returns nothing. Default 1s.
	MaxWait time.Duration `yaml:"max_wait"`
	// Window is how many records may be delivered beyond the oldest unsettled one; a fetch waits there. It must be more
	// than run at once. One that is settled ahead of its turn costs 32 bytes. Default 1,000,000.
	Window int `yaml:"window"`
	// Checkpoint is the file that remembers what is done: relative to Dir, or absolute. Its directory is created. Default
	// "": none, each run starts at the beginning.
	Checkpoint string `yaml:"checkpoint"`
	// OnReplaced is what becomes of a file that does not begin with what is done by the checkpoint, although the one before was not
	// done to its end. Default "refuse".
	OnReplaced OnReplaced `yaml:"on_replaced"`
	// CheckpointEvery is how many acknowledgements may be missing in the checkpoint. Default 1000.
	CheckpointEvery int `yaml:"checkpoint_every"`
	// CheckpointInterval is how long an acknowledgement may be missing in it. Default 200ms. What is missing when a process
	// is killed is done again by the next.
	CheckpointInterval time.Duration `yaml:"checkpoint_interval"`
}

// Identity is what the generation of a file is made of.
type Identity string

const (
	// IdentityFile takes its path, inode, size and modification time, or is random where there is a checkpoint: a copy is
	// another file.
	IdentityFile Identity = "file"
	// IdentityContent takes all that it holds, which is read once more at the start: a copy is the same file.
	IdentityContent Identity = "content"
)

// OnReplaced is what becomes of a file that took the place of one that was not done.
type OnReplaced string

const (
	// ReplacedRefuse does not open it, and says what is left of the other.
	ReplacedRefuse OnReplaced = "refuse"
	// ReplacedBegin begins with it, with a warning, and leaves what is not done of the other.
	ReplacedBegin OnReplaced = "begin"
)

// LastLine is what becomes of a last line that has no line end.
type LastLine string

const (
	// LastLineTake delivers it, with a warning.
	LastLineTake LastLine = "take"
	// LastLineWait waits for its end.
	LastLineWait LastLine = "wait"
	// LastLineRefuse does not deliver it: the run fails, and what is done is kept.
	LastLineRefuse LastLine = "refuse"
)

// SourceSettings is a SourceConfig with what only code can give.
type SourceSettings struct {
	SourceConfig

	// FS, where set, has the file in place of Dir: an embed.FS, a zip archive. Path is then a path in it. The checkpoint
	// stays below Dir.
	FS fs.FS
}

// DefaultSourceConfig reads any supported file below the working directory, without a checkpoint. Path is still to be
// set.
func DefaultSourceConfig() SourceConfig {
	return SourceConfig{
		Dir:                ".",
		Comma:              ",",
		Identity:           IdentityFile,
		OnReplaced:         ReplacedRefuse,
		LastLine:           LastLineTake,
		LastLineTimeout:    time.Minute,
		MaxRecordBytes:     1 << 20,
		MaxWait:            time.Second,
		Window:             1_000_000,
		CheckpointEvery:    1000,
		CheckpointInterval: 200 * time.Millisecond,
	}
}

// Validate reports every fault of c, each a *policy.Fault with the path of its YAML key. It looks at no file.
func (c SourceConfig) Validate() error {
	var f faults
	if problem := pathProblem(c.Dir, c.Path); problem != "" {
		f.addf("path", "%s", problem)
	}
	return append(f, c.faults()...).join()
}

// Validate is SourceConfig.Validate with the rules of FS for its path.
func (s SourceSettings) Validate() error {
	if s.FS == nil {
		return s.SourceConfig.Validate()
	}
	var f faults
	if !fs.ValidPath(s.Path) || s.Path == "." {
		f.addf("path", "%q is not the path of a file in an fs.FS: use / between its elements, and neither \"..\" nor a / in front", s.Path)
	}
	return append(f, s.faults()...).join()
}

func (c SourceConfig) faults() faults {
	var f faults
	c.checkFormat(&f)
	if c.Identity != IdentityFile && c.Identity != IdentityContent && c.Identity != "" {
		f.addf("identity", "is %q, must be file or content", c.Identity)
	}
	if c.OnReplaced != ReplacedRefuse && c.OnReplaced != ReplacedBegin && c.OnReplaced != "" {
		f.addf("on_replaced", "is %q, must be refuse or begin", c.OnReplaced)
	}
	if c.Checkpoint != "" {
		c.checkCheckpoint(&f)
	}
	if c.LastLine != LastLineTake && c.LastLine != LastLineWait && c.LastLine != LastLineRefuse && c.LastLine != "" {
		f.addf("last_line", "is %q, must be take, wait or refuse", c.LastLine)
	}
	if c.LastLine == LastLineWait && c.LastLineTimeout <= 0 {
		f.addf("last_line_timeout", "is %s, must be more than 0, such as 1m", c.LastLineTimeout)
	}
	if c.MaxRecordBytes < 1 {
		f.addf("max_record_bytes", "is %d, must be at least 1, such as 1048576", c.MaxRecordBytes)
	}
	if c.MaxWait <= 0 {
		f.addf("max_wait", "is %s, must be more than 0, or fetching would spin while the last records are unsettled", c.MaxWait)
	}
	if c.Window < 1 {
		f.addf("window", "is %d, must be at least 1 and more than run at once, such as 1000000", c.Window)
	}
	return f
}

func (c SourceConfig) checkFormat(f *faults) {
	switch c.Format {
	case FormatCSV, FormatJSONL, FormatJSON:
	case FormatAuto:
		if c.Path != "" && formatOf(c.Path) == FormatAuto {
			f.addf("format", "cannot be told from the name %q; set it to csv, jsonl or json", path.Base(filepath.ToSlash(c.Path)))
		}
	default:
		f.addf("format", "is %q, must be csv, jsonl or json, or left out to be told from the file's name", c.Format)
	}
	if len(c.Comma) != 1 || c.Comma[0] >= 0x80 || c.Comma == `"` || c.Comma == "\n" || c.Comma == "\r" || c.Comma == "\x00" {
		f.addf("comma", "is %q, must be one ASCII character that is neither a quote nor a line end, such as \",\", \";\" or \"\\t\"", c.Comma)
	}
	for _, name := range c.Booleans {
		for _, number := range c.Numbers {
			if name == number {
				f.addf("booleans", "has %q, which is in numbers as well; leave it in one of them", name)
			}
		}
	}
}

func (c SourceConfig) checkCheckpoint(f *faults) {
	if problem := checkpointProblem(c.Dir, c.Checkpoint); problem != "" {
		f.addf("checkpoint", "%s", problem)
	} else if c.Path != "" && locate(c.Dir, c.Checkpoint).String() == locate(c.Dir, c.Path).String() {
		f.addf("checkpoint", "is the file itself; give it a name of its own, such as %q", c.Path+".checkpoint")
	}
	if c.CheckpointEvery < 1 {
		f.addf("checkpoint_every", "is %d, must be at least 1, such as 1000", c.CheckpointEvery)
	}
	if c.CheckpointInterval <= 0 {
		f.addf("checkpoint_interval", "is %s, must be more than 0, such as 200ms", c.CheckpointInterval)
	}
}

// checkpointProblem is pathProblem without its rule against an absolute path beside a dir, which may be there for path.
func checkpointProblem(dir, checkpoint string) string {
	if filepath.IsAbs(checkpoint) {
		dir = "."
	}
	return pathProblem(dir, checkpoint)
}

// format is the one that is given, or else the one that the name tells.
func (c SourceConfig) format() Format {
	if c.Format != FormatAuto {
		return c.Format
	}
	return formatOf(c.Path)
}

// name is what ids begin with.
func (c SourceConfig) name() string {
	if c.Name != "" {
		return c.Name
	}
	return path.Base(filepath.ToSlash(c.Path))
}
