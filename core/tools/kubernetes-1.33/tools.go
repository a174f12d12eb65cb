//go:build tools

// Package tools pins the module that the oldest kube-apiserver is built from.
package tools

import _ "k8s.io/kubernetes/cmd/kube-apiserver"
