package app

// Project is a program that the command new is asked for.
type Project struct {
	// Folder is where it goes.
	Folder string
	// Module is the path of its Go module. Default "", which leaves it to the folder's name.
	Module string
	// Ergon is a clone of Ergon that it is to be built with. Default "", which leaves it to NewProject to find one, or to
	// use a release.
	Ergon string
}
