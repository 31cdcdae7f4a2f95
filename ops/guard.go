package ops

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"strings"
)

// cookie holds what proves that somebody knew the token, but not the token.
const cookie = "ergon_ops"

// guarded lets through what may be asked for, and by whom.
func (s *Server) guarded(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		if s.settings.Config.loopback() && !isThisMachine(hostOf(r.Host)) {
			// Under a name of its own a web page could reach what listens on this machine only.
			refuse(w, r, http.StatusMisdirectedRequest, "this address is served to this machine only; ask for it as localhost or 127.0.0.1")
			return
		}
		if safe(r.Method) {
			next.ServeHTTP(w, r)
			return
		}
		if err := origin.Check(r); err != nil {
			refuse(w, r, http.StatusForbidden, "this request comes from another site, so nothing was done; use the console itself")
			return
		}
		if s.settings.Config.Token != "" && r.URL.Path != tokenPath && !s.knowsToken(r) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, r, http.StatusUnauthorized, "this changes something and needs the token of the configuration (ops.token): send it as "+
				"\"Authorization: Bearer …\", or enter it in the console at "+tokenPath)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, mostBody)
		next.ServeHTTP(w, r)
	})
}

// mostBody is how large a request may be.
const mostBody = 1 << 20

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// secure has browsers load nothing from elsewhere, run nothing that is written in a page, and frame nothing.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// knowsToken reports whether a request proves to come from somebody who knows the token.
func (s *Server) knowsToken(r *http.Request) bool {
	if given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return s.isToken(given)
	}
	c, err := r.Cookie(cookie)
	return err == nil && subtle.ConstantTimeCompare([]byte(c.Value), []byte(s.proof())) == 1
}

func (s *Server) isToken(given string) bool {
	want, got := sha256.Sum256([]byte(s.settings.Config.Token)), sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// proof is the cookie of somebody who knew the token. It ends with the process.
func (s *Server) proof() string {
	mac := hmac.New(sha256.New, []byte(s.settings.Config.Token))
	mac.Write(s.nonce)
	return hex.EncodeToString(mac.Sum(nil))
}

// Knows reports whether the sender of a request may change something, as far as the token goes.
func (s *Server) Knows(r *http.Request) bool { return s.settings.Config.Token == "" || s.knowsToken(r) }

// hostOf is a host without its port.
func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}

// fromThisMachine lets nobody else in.
func fromThisMachine(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isThisMachine(hostOf(r.RemoteAddr)) || !isThisMachine(hostOf(r.Host)) {
			refuse(w, r, http.StatusForbidden, "profiles are for this machine only; ask for them from there, as localhost")
			return
		}
		next.ServeHTTP(w, r)
	})
}
