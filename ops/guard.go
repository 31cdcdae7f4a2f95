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

// cookie holds a proof that the user knew the token, but not the token.
const cookie = "ergon_ops"

// guarded refuses requests without access.
func (s *Server) guarded(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		if s.settings.Config.loopback() && !isThisMachine(hostOf(r.Host)) {
			// Under a name of its own a web page could reach what listens on this machine only.
			refuse(w, r, http.StatusMisdirectedRequest, "this address is for this machine only; use localhost or 127.0.0.1")
			return
		}
		if !safe(r.Method) {
			if err := origin.Check(r); err != nil {
				refuse(w, r, http.StatusForbidden, "the request comes from another site and was refused; use the console itself")
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		}
		if s.needsToken(r) && !s.knowsToken(r) {
			s.askForToken(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// needsToken reports whether a request requires the token. The page that asks for it, and its assets, do not.
func (s *Server) needsToken(r *http.Request) bool {
	if s.settings.Config.Token == "" || r.URL.Path == tokenPath {
		return false
	}
	if !safe(r.Method) {
		return true
	}
	switch path := r.URL.Path; {
	case path == "/livez", path == "/readyz", path == "/favicon.ico", strings.HasPrefix(path, "/assets/"):
		return false
	case path == "/metrics":
		return s.settings.Config.Metrics == MetricsToken
	default:
		return s.settings.Config.protected()
	}
}

// askForToken refuses a request that lacks the token, or leads a browser to the page that asks for it.
func (s *Server) askForToken(w http.ResponseWriter, r *http.Request) {
	if _, given := bearer(r); given && !s.refuseWrong(w, r) {
		return
	}
	if safe(r.Method) && s.settings.Console != nil && strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Redirect(w, r, tokenPath, http.StatusSeeOther)
		return
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	refuse(w, r, http.StatusUnauthorized, "the token of the configuration (ops.token) is required: send it as "+
		"\"Authorization: Bearer …\", or enter it in the console at "+tokenPath)
}

// maxBody is the maximum size of a request.
const maxBody = 1 << 20

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// secure forbids browsers to load from other sites, to run inline scripts and to frame the console.
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

// bearer is the token in the header of a request.
func bearer(r *http.Request) (token string, given bool) {
	return strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// knowsToken reports whether a request has the token or the cookie of somebody who entered it.
func (s *Server) knowsToken(r *http.Request) bool {
	if given, ok := bearer(r); ok {
		return s.isToken(given)
	}
	return s.signedIn(r)
}

// signedIn reports whether the cookie proves that the user entered the token. A wrong cookie counts as none, not as a wrong token:
// browsers send the cookie of an earlier program, and 256 bits cannot be guessed.
func (s *Server) signedIn(r *http.Request) bool {
	c, err := r.Cookie(cookie)
	return err == nil && subtle.ConstantTimeCompare([]byte(c.Value), []byte(s.proof())) == 1
}

func (s *Server) isToken(given string) bool {
	want, got := sha256.Sum256([]byte(s.settings.Config.Token)), sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// proof is the value of the cookie. It is valid until the process ends.
func (s *Server) proof() string {
	mac := hmac.New(sha256.New, []byte(s.settings.Config.Token))
	mac.Write(s.nonce)
	return hex.EncodeToString(mac.Sum(nil))
}

// MayChange reports whether a browser may change something. It checks the cookie only: a page that checked a token in a header would
// allow guesses that nothing slows down.
func (s *Server) MayChange(r *http.Request) bool {
	return s.settings.Config.Token == "" || s.signedIn(r)
}

// MayRead reports whether a browser may read. It checks the cookie only, as MayChange does.
func (s *Server) MayRead(r *http.Request) bool {
	return !s.settings.Config.protected() || s.signedIn(r)
}

// hostOf is a host without its port.
func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}

// fromThisMachine refuses requests from other machines, and requests through a proxy, which may come from anywhere.
func fromThisMachine(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !isThisMachine(hostOf(r.RemoteAddr)) || !isThisMachine(hostOf(r.Host)):
			refuse(w, r, http.StatusForbidden, "profiles are for this machine only; request them from there, as localhost")
		case proxied(r.Header):
			refuse(w, r, http.StatusForbidden, "profiles are for this machine only, and this request came through a proxy; request them directly")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// proxied reports whether a header shows that the request came through a proxy.
func proxied(h http.Header) bool {
	for name := range h {
		if name == "Forwarded" || name == "Via" || name == "X-Real-Ip" || strings.HasPrefix(name, "X-Forwarded-") {
			return true
		}
	}
	return false
}
