//! Versions of Kubernetes and etcd.

use std::fmt;
use std::str::FromStr;

/// A version such as `1.14.10`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The first number.
    pub major: u16,
    /// The second number; behaviour and skew rules go by it.
    pub minor: u16,
    /// The third number.
    pub patch: u16,
}

impl Version {
    /// `major.minor.patch`.
    pub const fn new(major: u16, minor: u16, patch: u16) -> Version {
        Version { major, minor, patch }
    }

    /// Whether this is at least `major.minor`.
    pub const fn at_least(self, major: u16, minor: u16) -> bool {
        self.major > major || (self.major == major && self.minor >= minor)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The text is not `major.minor.patch`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version; write three numbers, as \"1.14.10\"")]
pub struct NotAVersion(pub String);

impl FromStr for Version {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Version, NotAVersion> {
        let wrong = || NotAVersion(text.to_owned());
        let plain = text.strip_prefix('v').unwrap_or(text);
        let numbers = plain
            .split('.')
            .map(|part| match part.bytes().all(|b| b.is_ascii_digit()) {
                true => part.parse::<u16>().map_err(|_| wrong()),
                false => Err(wrong()),
            })
            .collect::<Result<Vec<u16>, _>>()?;
        match numbers[..] {
            [major, minor, patch] => Ok(Version::new(major, minor, patch)),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_three_numbers() {
        assert_eq!("1.14.10".parse(), Ok(Version::new(1, 14, 10)));
        assert_eq!("v1.14.10".parse(), Ok(Version::new(1, 14, 10)));
        for wrong in ["", "1.14", "1.14.x", "1.+4.1", "1.14.10.1", "1.99999.0"] {
            assert!(wrong.parse::<Version>().is_err(), "{wrong}");
        }
        assert!(Version::new(1, 9, 0) < Version::new(1, 14, 0));
        assert!(Version::new(1, 20, 2).at_least(1, 20));
    }
}
