//! The checksum of metadata blocks: CRC-32C (Castagnoli), as XFS and ext4 have it.
//!
//! Most metadata blocks are a few hundred bytes and then zeros. What zeros do to a CRC is known without
//! looking at them: `n` bytes of them multiply the register by `x^(8n)`, in polynomials over GF(2). So zeros
//! at the end of a part cost one multiplication.

use crc::{CRC_32_ISCSI, Crc, Table};

use super::BLOCK;

// Sixteen bytes a step: recovery and tests check whole images.
static CRC32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// The polynomial without its highest term, least significant bit first: bit 31 is the term `x^0`.
const POLYNOMIAL: u32 = CRC_32_ISCSI.poly.reverse_bits();

/// `x^0` in that order of bits.
const ONE: u32 = 1 << 31;

/// Zeros at the end are counted in pieces of so many bytes.
const PIECE: usize = 64;
const PIECES_MAX: usize = BLOCK / PIECE;

/// What each number of pieces of zeros multiplies the register by.
static PIECES_OF_ZEROS: [u32; PIECES_MAX + 1] = pieces_of_zeros();

/// The CRC-32C of `parts`, one after the other.
pub(crate) fn checksum<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u32 {
    let mut register = CRC_32_ISCSI.init;
    for part in parts {
        let pieces = zeros_at_end(part);
        let (head, _) = part.split_at(part.len().saturating_sub(pieces.saturating_mul(PIECE)));
        // The library takes the register with its bits in the order of the polynomial.
        let mut digest = CRC32C.digest_with_initial(register.reverse_bits());
        digest.update(head);
        register = digest.finalize() ^ CRC_32_ISCSI.xorout;
        if let Some(factor) = PIECES_OF_ZEROS.get(pieces).filter(|_| pieces > 0) {
            register = multiply(register, *factor);
        }
    }
    register ^ CRC_32_ISCSI.xorout
}

/// How many whole pieces at the end hold nothing but zeros; no more than a block has.
fn zeros_at_end(part: &[u8]) -> usize {
    let pieces = part.rchunks_exact(PIECE).take(PIECES_MAX);
    // Without an early exit inside of a piece: the comparison is done by vectors then.
    pieces.take_while(|piece| piece.iter().fold(0, |any, byte| any | byte) == 0).count()
}

/// The product of two polynomials, modulo [`POLYNOMIAL`].
const fn multiply(left: u32, mut right: u32) -> u32 {
    let mut product = 0;
    let mut term = ONE;
    while term != 0 {
        // Half the terms are there, and nobody can guess which: a branch would cost more than the rest.
        product ^= right & mask(left & term != 0);
        right = times_x(right);
        term >>= 1;
    }
    product
}

const fn times_x(value: u32) -> u32 {
    value >> 1 ^ POLYNOMIAL & mask(value & 1 != 0)
}

const fn mask(is_set: bool) -> u32 {
    (is_set as u32).wrapping_neg()
}

const fn pieces_of_zeros() -> [u32; PIECES_MAX + 1] {
    let (mut piece, mut bits) = (ONE, PIECE * 8);
    while bits > 0 {
        piece = times_x(piece);
        bits = bits.saturating_sub(1);
    }
    let mut factors = [ONE; PIECES_MAX + 1];
    let (mut rest, mut factor) = (factors.as_mut_slice(), ONE);
    while let Some((slot, after)) = rest.split_first_mut() {
        *slot = factor;
        factor = multiply(factor, piece);
        rest = after;
    }
    factors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc32c_has_its_check_value() {
        assert_eq!(checksum([&b"12345"[..], b"6789"]), 0xe306_9283);
    }

    #[test]
    fn zeros_at_the_end_count_however_many_there_are() {
        for length in [1, 63, 64, 65, 4 * PIECE, BLOCK - 8, BLOCK, BLOCK + 1, 3 * BLOCK] {
            for data in (0..length).step_by(101).chain([length - 1]) {
                let mut bytes = vec![0; length];
                bytes[data] = 0x81;
                bytes[data / 2] ^= 0x3c;
                let whole = CRC32C.checksum(&bytes);
                assert_eq!(checksum([&bytes[..]]), whole, "{length} bytes, data up to {data}");
                let (left, right) = bytes.split_at(length / 3);
                assert_eq!(checksum([left, right]), whole, "in two parts");
            }
        }
    }

    #[test]
    fn parts_of_nothing_but_zeros_count() {
        assert_eq!(checksum([&[0; BLOCK][..], b"end"]), {
            let mut bytes = vec![0; BLOCK];
            bytes.extend(b"end");
            CRC32C.checksum(&bytes)
        });
        assert_ne!(checksum([&[0; 256][..]]), checksum([&[0; 512][..]]));
    }
}
