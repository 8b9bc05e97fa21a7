package sshpeer

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestStrangerIsRefusedOnBothSides(t *testing.T) {
	a, b := newStation(t, "a"), newStation(t, "b")
	a.knows(b, b.listen())
	_, err := a.dialer.Dial(bounded(t), "b")
	wantKind(t, err, ErrNotMember, a.id.Key().String())
	r := b.refusal()
	wantKind(t, r.Err, ErrNotMember, "peer add", a.id.Key().String())
	if r.Peer != "a" || !strings.HasPrefix(r.From, "127.0.0.1:") {
		t.Errorf("the refusal is of %q from %q", r.Peer, r.From)
	}
}

func TestGarbageIsRefused(t *testing.T) {
	b := newStation(t, "b")
	address := b.listen()
	for words, kind := range map[string]error{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n":         ErrProtocol,
		strings.Repeat("\x00\xff", 4096):            ErrProtocol,
		"SSH-1.5-old\r\n":                           ErrProtocol,
		"SSH-2.0-x\r\n\x7f\xff\xff\xff" + "garbage": ErrProtocol,
		"": ErrUnreachable,
	} {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(nc, words)
		nc.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, nc)
		nc.Close()
		if r := b.refusal(); !errors.Is(r.Err, kind) {
			t.Errorf("%.20q was refused with: %v", words, r.Err)
		}
	}
}

// Strangers that connect and stall fill every place; a member still gets in, the oldest of them goes.
func TestStalledConnectionsKeepNobodyOut(t *testing.T) {
	a, b := newStation(t, "a"), newStation(t, "b")
	address := b.listen()
	a.knows(b, address)
	b.knows(a, "")
	var stalled []net.Conn
	for i := range maxWaiting {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		fmt.Fprintf(nc, "SSH-2.0-slow%d", i) // half a line
		stalled = append(stalled, nc)
	}
	a.dial("b")
	b.next()
	oldest := stalled[0]
	oldest.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.Copy(io.Discard, oldest); errors.Is(err, io.EOF) || isTimeout(err) {
		t.Errorf("the oldest stalled connection: %v", err)
	}
	r := b.refusal()
	if r.From != oldest.LocalAddr().String() {
		t.Errorf("%s was dropped, not %s", r.From, oldest.LocalAddr())
	}
}

func TestSlowHandshakeIsCutOff(t *testing.T) {
	b := newStation(t, "b")
	synctest.Test(t, func(t *testing.T) {
		server := *b.server
		here, there := newLine()
		served := make(chan error, 1)
		go func() { served <- server.ServeConn(t.Context(), there) }()
		start := time.Now()
		var stranger sync.WaitGroup
		stranger.Go(func() { // a byte a second, for as long as anyone listens
			for _, err := here.Write([]byte("S")); err == nil; _, err = here.Write([]byte("S")) {
				<-time.After(time.Second)
			}
		})
		wantKind(t, <-served, ErrUnreachable, "did not authenticate")
		if took := time.Since(start); took != authTime {
			t.Errorf("cut off after %v", took)
		}
		stranger.Wait()
	})
}

func TestWrongKeyOfServerIsToldToBoth(t *testing.T) {
	a, b, c := newStation(t, "a"), newStation(t, "b"), newStation(t, "c")
	address := b.listen()
	b.knows(a, "")

	a.admits("b", Key{}, address)
	_, err := a.dialer.Dial(bounded(t), "b")
	wantKind(t, err, ErrUnknownKey, "peer add b --key '"+b.id.Key().String())
	wantKind(t, b.refusal().Err, ErrNotMember, "hung up at the sight")

	a.admits("b", c.id.Key(), address)
	_, err = a.dialer.Dial(bounded(t), "b")
	wantKind(t, err, ErrChangedKey, b.id.Key().Fingerprint(), c.id.Key().Fingerprint())
	wantKind(t, b.refusal().Err, ErrNotMember, "hung up at the sight")

	a.admits("other", b.id.Key(), "")
	_, err = a.dialer.Dial(bounded(t), "b")
	wantKind(t, err, ErrChangedKey, "answered by other")
}

func TestDialTellsWhatAnswers(t *testing.T) {
	a := newStation(t, "a")
	_, err := a.dialer.Dial(bounded(t), "b")
	wantKind(t, err, ErrNotMember, "peer add b")

	a.admits("b", Key{}, "")
	_, err = a.dialer.Dial(bounded(t), "b")
	wantKind(t, err, ErrUnreachable, "no address")

	a.admits("b", Key{}, a.listen())
	_, err = a.dialer.Dial(bounded(t), "b")
	wantKind(t, err, ErrProtocol, "itself")

	for words, want := range map[string]string{
		"220 mail ESMTP\r\n":          "220 mail",
		"SSH-2.0-OpenSSH_9.9\r\nxxxx": "OpenSSH_9.9",
	} {
		a.admits("b", Key{}, answering(t, words))
		_, err = a.dialer.Dial(bounded(t), "b")
		wantKind(t, err, ErrProtocol, want)
	}
	a.admits("b", Key{}, answering(t, ""))
	_, err = a.dialer.Dial(bounded(t), "b")
	wantKind(t, err, ErrUnreachable, "hung up")

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	a.admits("b", Key{}, ln.Addr().String())
	_, err = a.dialer.Dial(bounded(t), "b")
	wantKind(t, err, ErrUnreachable, "refused")
}

// answering is the address of something that says words to whoever connects and hangs up.
func answering(t testing.TB, words string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for nc, err := ln.Accept(); err == nil; nc, err = ln.Accept() {
			io.WriteString(nc, words)
			nc.(*net.TCPConn).CloseWrite()
			if words != "" {
				io.Copy(io.Discard, nc)
			}
			nc.Close()
		}
	}()
	return ln.Addr().String()
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// wantKind wants an *Error of that kind whose text holds all of words.
func wantKind(t testing.TB, err, kind error, words ...string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, kind) {
		t.Errorf("got error %v, want kind %q", err, kind)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}
