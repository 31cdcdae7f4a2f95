package file

import (
	"fmt"
	"path"

	"github.com/ergon-go/ergon/capability"
)

var (
	_ capability.Declarer = (*Source)(nil)
	_ capability.Declarer = (*Sink)(nil)
)

// Declare says that only one worker may read a file, because each would read all of it, and what a kill repeats. With a checkpoint,
// Floor is set.
func (s *Source) Declare() capability.Declaration {
	d := capability.Declaration{
		Destination: s.settings.name(), Sharing: capability.SharingSingle, Floor: s.settings.Checkpoint != "", Settles: capability.SettlesSent,
	}
	if d.Floor {
		d.Notes = []string{fmt.Sprintf("a killed process repeats what was acknowledged since the last checkpoint, which is written after %d "+
			"acknowledgements or %s", s.settings.CheckpointEvery, s.settings.CheckpointInterval)}
	} else {
		d.Notes = []string{"without a checkpoint each run starts at the first record"}
	}
	return d
}

// Declare says that only one worker may write a file.
func (k *Sink) Declare() capability.Declaration {
	return capability.Declaration{Destination: path.Base(k.settings.Path), Sharing: capability.SharingSingle}
}
