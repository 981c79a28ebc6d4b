//! Values read from a file: the bytes are copied first and judged afterwards.

/// A type that a fixed number of bytes stands for.
///
/// The bytes are a copy that nobody else can change, so a check of them holds. Integers
/// and floats are in native byte order; name another with [`u32::from_le`] and the like.
///
/// ```
/// use cutwater_maps::ReadValue;
///
/// #[derive(Debug, PartialEq)]
/// struct Header { version: u16, pages: u32 }
///
/// impl ReadValue for Header {
///     const NAME: &'static str = "header";
///     type Bytes = [u8; 8];
///     const ZERO: [u8; 8] = [0; 8];
///
///     fn from_bytes(bytes: [u8; 8]) -> Option<Self> {
///         let [b'C', b'W', v0, v1, p @ ..] = bytes else { return None };
///         Some(Self { version: u16::from_le_bytes([v0, v1]), pages: u32::from_le_bytes(p) })
///     }
/// }
/// # assert_eq!(Header::from_bytes(*b"CW\x01\0\x02\0\0\0"), Some(Header { version: 1, pages: 2 }));
/// # assert_eq!(Header::from_bytes([0; 8]), None);
/// ```
pub trait ReadValue: Sized {
    /// What errors call it.
    const NAME: &'static str;
    /// Its bytes: an array.
    type Bytes: AsMut<[u8]>;
    /// What is read into.
    const ZERO: Self::Bytes;

    /// The value, or none when the bytes are not a value of this type.
    fn from_bytes(bytes: Self::Bytes) -> Option<Self>;
}

macro_rules! numbers {
    ($($number:ident)*) => {$(
        impl ReadValue for $number {
            const NAME: &'static str = stringify!($number);
            type Bytes = [u8; size_of::<$number>()];
            const ZERO: Self::Bytes = [0; size_of::<$number>()];

            fn from_bytes(bytes: Self::Bytes) -> Option<Self> {
                Some(Self::from_ne_bytes(bytes))
            }
        }
    )*};
}

numbers!(u8 i8 u16 i16 u32 i32 u64 i64 u128 i128 f32 f64);

impl<const N: usize> ReadValue for [u8; N] {
    const NAME: &'static str = "array of bytes";
    type Bytes = Self;
    const ZERO: Self = [0; N];

    fn from_bytes(bytes: Self) -> Option<Self> {
        Some(bytes)
    }
}

/// One byte, 0 or 1.
impl ReadValue for bool {
    const NAME: &'static str = "bool";
    type Bytes = [u8; 1];
    const ZERO: [u8; 1] = [0];

    fn from_bytes([byte]: [u8; 1]) -> Option<Self> {
        match byte {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

/// Four bytes: a Unicode scalar value in native byte order.
impl ReadValue for char {
    const NAME: &'static str = "char";
    type Bytes = [u8; 4];
    const ZERO: [u8; 4] = [0; 4];

    fn from_bytes(bytes: [u8; 4]) -> Option<Self> {
        Self::from_u32(u32::from_ne_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_be_are_refused() {
        assert_eq!(bool::from_bytes([1]), Some(true));
        assert_eq!(bool::from_bytes([2]), None);
        assert_eq!(char::from_bytes(0x1f600_u32.to_ne_bytes()), Some('😀'));
        assert_eq!(char::from_bytes(0xd800_u32.to_ne_bytes()), None);
        assert_eq!(u32::from_bytes(7u32.to_ne_bytes()), Some(7));
    }
}
