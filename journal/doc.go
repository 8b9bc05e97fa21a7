// Package journal is the durable record of one replica, kept in Badger.
package journal
