//go:build tools

// Package tools pins the module that nats-server is built from.
package tools

import _ "github.com/nats-io/nats-server/v2"
