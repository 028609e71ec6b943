//! How long the client waits.

use core::time::Duration;

/// Times of a mount. The defaults are those of Linux's NFS over TCP; what happens in the end is that of a `soft`
/// mount, because here every wait must end. (Linux's default is `hard`: it would wait for ever.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientConfig {
    /// A request that was not answered for so long is lost (`timeo`).
    pub timeo: Duration,
    /// How often it is sent again (`retrans`), each time into a new connection. After that it has failed:
    /// `ETIMEDOUT` if it was not answered, `EIO` if the connection broke or the server lied. A connection that broke over
    /// another request does not count, but time passes.
    pub retrans: u32,
    /// Between two attempts to connect, at first; then twice as long each time.
    pub reconnect_min: Duration,
    /// At most so long between two attempts to connect.
    pub reconnect_max: Duration,
    /// The longest message that is asked for.
    pub msize: u32,
}

impl Default for ClientConfig {
    /// 60 s, 2 times, 3 s to 300 s (Linux `XS_TCP_INIT_REEST_TO`, `XS_TCP_MAX_REEST_TO`), 128 KiB of data.
    fn default() -> Self {
        Self {
            timeo: Duration::from_secs(60),
            retrans: 2,
            reconnect_min: Duration::from_secs(3),
            reconnect_max: Duration::from_secs(300),
            msize: (128 << 10) + p9_wire::IO_HEADER_BYTES,
        }
    }
}

impl ClientConfig {
    /// A request ends after so long, however it goes (Linux's major time-out, without its growing steps).
    #[must_use]
    pub fn major_timeout(&self) -> Duration {
        self.timeo.saturating_mul(self.retrans.saturating_add(1))
    }
}
