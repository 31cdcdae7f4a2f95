// Package servertest starts servers for tests: real ones, on free ports of the loopback interface, each with a folder of its own.
//
//	var server = servertest.Postgres{}
//
//	func TestMain(m *testing.M) { os.Exit(servertest.Main(m, &server)) }
//
//	func TestQueue(t *testing.T) { url := server.URL(t) … }
//
// A server is started when the first test asks for it, and is ended by [Main]. If this process dies, the server ends by itself. If
// the server is not installed, the test is skipped and says what to install; with CI=true it fails. scripts/servers installs what is
// missing.
package servertest
