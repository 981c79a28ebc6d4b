//! Instructions, compared with those of other assemblers.

use super::*;

/// The bytes that other assemblers produce, little-endian.
fn bytes(code: Code) -> Vec<[u8; 8]> {
    let to_bytes = |i: Instruction| {
        let mut bytes = [i.code, i.registers, 0, 0, 0, 0, 0, 0];
        bytes[2..4].copy_from_slice(&i.offset.to_le_bytes());
        bytes[4..].copy_from_slice(&i.immediate.to_le_bytes());
        bytes
    };
    code.finish().unwrap().into_iter().map(to_bytes).collect()
}

#[test]
#[cfg(target_endian = "little")]
fn instructions_are_encoded_as_the_standard_says() {
    let mut code = Code::default();
    let out = code.label();
    code.copy(Reg::R6, Reg::R1)
        .load(Size::Double, Reg::R2, Reg::R6, 16)
        .jump_if(If::Equal, Reg::R2, 0, out)
        .store(Size::Word, Reg::R10, -4, Reg::R2)
        .atomic_add(Reg::R0, 8, Reg::R1)
        .map(Reg::R1, 5)
        .call(Helper::TimeNs)
        .place(out)
        .exit();
    let expected = [
        [0xbf, 0x16, 0, 0, 0, 0, 0, 0],
        [0x79, 0x62, 16, 0, 0, 0, 0, 0],
        [0x15, 0x02, 5, 0, 0, 0, 0, 0],
        [0x63, 0x2a, 0xfc, 0xff, 0, 0, 0, 0],
        [0xdb, 0x10, 8, 0, 0, 0, 0, 0],
        [0x18, 0x11, 0, 0, 5, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0x85, 0, 0, 0, 5, 0, 0, 0],
        [0xb7, 0, 0, 0, 0, 0, 0, 0],
        [0x95, 0, 0, 0, 0, 0, 0, 0],
    ];
    assert_eq!(bytes(code), expected);
}

#[test]
fn a_jump_to_a_label_that_was_not_placed_is_no_program() {
    let mut code = Code::default();
    let nowhere = code.label();
    code.jump(nowhere).exit();
    assert_eq!(code.finish(), None);
}
