package file

import (
	"io/fs"
	"path"
	"path/filepath"
	"time"
)

// SourceConfig is the configuration of a source. Start with [DefaultSourceConfig] and change its fields: the zero value of a
// field is not its default.
type SourceConfig struct {
	// Dir is the directory of relative paths. They must not lead out of it. Default ".".
	Dir string `yaml:"dir"`
	// Path is the file: relative to Dir, or absolute. An absolute path must not lead out of its own directory.
	Path string `yaml:"path"`
	// Format is csv, jsonl or json. Default "": by the end of the file's name.
	Format Format `yaml:"format"`
	// Name is the first part of the ids, name@generation:line-content. Default "": the last element of Path.
	Name string `yaml:"name"`
	// Identity is how the generation of a file is computed if no checkpoint has it. Default "file".
	Identity Identity `yaml:"identity"`
	// Comma is the one character between the columns of a CSV file. Default ",".
	Comma string `yaml:"comma"`
	// Numbers are the columns of a CSV file that are delivered as JSON numbers, null if they are empty. Others are
	// strings.
	Numbers []string `yaml:"numbers"`
	// Booleans are the columns that are delivered as true or false (1, 0, t, f and similar forms are accepted as well),
	// null if they are empty.
	Booleans []string `yaml:"booleans"`
	// MaxRecordBytes is the maximum length of a record, without its line end. A longer one is malformed. Default 1 MiB.
	MaxRecordBytes int `yaml:"max_record_bytes"`
	// LastLine is what happens to the last line of a CSV or JSON Lines file if it has no line end, because somebody may
	// still be writing it. Default "take".
	LastLine LastLine `yaml:"last_line"`
	// LastLineTimeout is how long to wait for the end of the last line. After that the line is refused. Default 1m.
	LastLineTimeout time.Duration `yaml:"last_line_timeout"`
	// MaxWait is how long a fetch waits for the delay of a requeued record, or for a settlement, before it returns
	// nothing. Default 1s.
	MaxWait time.Duration `yaml:"max_wait"`
	// Window is how many records may be delivered after the oldest unsettled one; a fetch waits at this limit. It must
	// be more than the number of records that run at once. A record that is settled out of order costs 32 bytes.
	// Default 1,000,000.
	Window int `yaml:"window"`
	// Checkpoint is the file that stores which records are done: relative to Dir, or absolute. Its directory is
	// created. Default "": none, each run starts at the beginning.
	Checkpoint string `yaml:"checkpoint"`
	// OnReplaced is what happens to a file that does not begin with the processed records of the checkpoint, if the
	// earlier file was not processed to its end. Default "refuse".
	OnReplaced OnReplaced `yaml:"on_replaced"`
	// CheckpointEvery is the maximum number of acknowledgements that the checkpoint does not have yet. Default 1000.
	CheckpointEvery int `yaml:"checkpoint_every"`
	// CheckpointInterval is the maximum time until an acknowledgement is stored in the checkpoint. Records that are missing in
	// it when a process is killed are processed again by the next. Default 200ms.
	CheckpointInterval time.Duration `yaml:"checkpoint_interval"`
}

// Identity says how the generation of a file is computed.
type Identity string

const (
	// IdentityFile takes its path, inode, size and modification time, or a random value if there is a checkpoint: a
	// copy is another file.
	IdentityFile Identity = "file"
	// IdentityContent takes its whole content, which is read once more at the start: a copy is the same file.
	IdentityContent Identity = "content"
)

// OnReplaced says what happens to a file that replaced an earlier one, if the earlier one was not processed to its end.
type OnReplaced string

const (
	// ReplacedRefuse does not open it; the error says how much of the earlier file is left.
	ReplacedRefuse OnReplaced = "refuse"
	// ReplacedBegin begins with it, with a warning, and ignores the rest of the earlier file.
	ReplacedBegin OnReplaced = "begin"
)

// LastLine says what happens to a last line without a line end.
type LastLine string

const (
	// LastLineTake delivers it, with a warning.
	LastLineTake LastLine = "take"
	// LastLineWait waits for its end.
	LastLineWait LastLine = "wait"
	// LastLineRefuse does not deliver it: the run fails, and everything that is done is kept.
	LastLineRefuse LastLine = "refuse"
)

// SourceSettings is a SourceConfig with the values that only code can set.
type SourceSettings struct {
	SourceConfig

	// FS, if set, has the file instead of Dir: an embed.FS, a zip archive. Path is then a path in it. The checkpoint
	// stays below Dir.
	FS fs.FS
}

// DefaultSourceConfig returns a source of any supported file below the working directory, without a checkpoint. Set Path.
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

// Validate reports every fault of c, each a *policy.Fault with the path of its YAML key. It does not read any file.
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
			f.addf("format", "cannot be derived from the name %q; set it to csv, jsonl or json", path.Base(filepath.ToSlash(c.Path)))
		}
	default:
		f.addf("format", "is %q, must be csv, jsonl or json, or missing, then the name of the file tells", c.Format)
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
		f.addf("checkpoint", "is the file itself; give it another name, such as %q", c.Path+".checkpoint")
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
