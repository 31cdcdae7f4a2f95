package file

import (
	"path"

	"github.com/ergon-go/ergon/capability"
)

var (
	_ capability.Declarer = (*Source)(nil)
	_ capability.Declarer = (*Sink)(nil)
)

// Declare says that a file is read by one worker: each other would read all of it again. Its checkpoint is a floor.
func (s *Source) Declare() capability.Declaration {
	return capability.Declaration{
		Destination: s.settings.name(), Sharing: capability.SharingSingle, Floor: s.settings.Checkpoint != "",
	}
}

// Declare says that a file is written by one worker: another would find it in use.
func (k *Sink) Declare() capability.Declaration {
	return capability.Declaration{Destination: path.Base(k.settings.Path), Sharing: capability.SharingSingle}
}
