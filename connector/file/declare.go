package file

import (
	"path"

	"github.com/ergon-go/ergon/capability"
)

var (
	_ capability.Declarer = (*Source)(nil)
	_ capability.Declarer = (*Sink)(nil)
)

// Declare says that only one worker may read a file, because each would read all of it. With a checkpoint, Floor is set.
func (s *Source) Declare() capability.Declaration {
	return capability.Declaration{
		Destination: s.settings.name(), Sharing: capability.SharingSingle, Floor: s.settings.Checkpoint != "",
	}
}

// Declare says that only one worker may write a file.
func (k *Sink) Declare() capability.Declaration {
	return capability.Declaration{Destination: path.Base(k.settings.Path), Sharing: capability.SharingSingle}
}
