// Embed is the smallest host that shows how settings and items meet: it loads a
// practice's settings from a file, queues a note while the PMS does not answer
// yet, and changes the settings while the engine runs.
//
//	go run ./examples/embed                    with the settings.json beside it
//	go run ./examples/embed my-settings.json
//
// The PMS is the one in memory, so that nothing has to be set up. The provider in
// settings.json is inactive there, which nobody can know while it does not
// answer: the settings are saved, and the warning says that they are not checked.
// What is printed then is what becomes of the note. It is held as soon as the PMS
// shows that the provider is inactive, and goes on by itself when another one is
// chosen.
package main
