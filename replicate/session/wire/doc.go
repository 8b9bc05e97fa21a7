// Package wire holds the messages of a session and how they are framed. docs/protocol.md is its drawing.
//
// A frame is the length of a protobuf message, four bytes, big-endian, and the message. A reader says how
// long a frame may be, and takes memory only for what has arrived.
package wire

//go:generate protoc --go_out=. --go_opt=paths=source_relative message.proto
