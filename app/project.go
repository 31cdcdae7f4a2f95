package app

// Project describes the program that the command new creates.
type Project struct {
	// Folder is the folder to create.
	Folder string
	// Module is the path of its Go module. Default "": the name of the folder.
	Module string
	// Ergon is the folder of a clone of Ergon to build with. Default "": NewProject finds one or uses a release.
	Ergon string
}
