package spans

// IsTraceparent reports whether text is what W3C Trace Context calls valid. It allocates nothing.
func IsTraceparent(text string) bool {
	const length = len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if len(text) < length || text[2] != '-' || text[35] != '-' || text[52] != '-' {
		return false
	}
	version, traceID, spanID, flags := text[:2], text[3:35], text[36:52], text[53:55]
	if len(text) > length && (version == "00" || text[length] != '-') { // later versions may have more
		return false
	}
	return isHex(version) && version != "ff" && isHex(traceID) && !isZero(traceID) && isHex(spanID) && !isZero(spanID) && isHex(flags)
}

func isHex(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func isZero(hex string) bool {
	for i := range len(hex) {
		if hex[i] != '0' {
			return false
		}
	}
	return true
}
