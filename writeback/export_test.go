package writeback

// NewWatched is New with a say in what lateness is told of.
var NewWatched = newEngine
