//! Instructions of the kernel's machine (RFC 9669), one call for each.
//!
//! The kernel's verifier checks the result: a mistake here is an error of loading and no more.

/// A register. `R0` holds results, `R1` to `R5` arguments, `R6` to `R9` survive calls, and `R10`
/// is the end of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reg {
    R0,
    R1,
    R2,
    R3,
    R4,
    R6 = 6,
    R7,
    R8,
    R9,
    R10,
}

/// Bytes that a load or store moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// Four.
    Word = 0x00,
    /// Eight.
    Double = 0x18,
}

/// The condition of a jump. All but `Less` compare without sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum If {
    Equal = 0x10,
    Above = 0x20,
    Other = 0x50,
    Below = 0xa0,
    /// With sign.
    Less = 0xc0,
}

/// An operation on a register and a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Add = 0x00,
    And = 0x50,
    Left = 0x60,
    Right = 0x70,
}

/// A function of the kernel, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Helper {
    MapLookup = 1,
    MapUpdate = 2,
    MapDelete = 3,
    TimeNs = 5,
    /// Process in the upper half, thread in the lower.
    PidTgid = 14,
    /// The number of the kernel's stack in a map of stacks, or an error below zero.
    StackId = 27,
    /// Copies kernel memory; missing memory reads as zeros.
    ReadKernel = 113,
    CurrentTask = 158,
}

/// A place to jump to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label(usize);

/// One instruction as the kernel takes it: `struct bpf_insn`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instruction {
    code: u8,
    registers: u8,
    offset: i16,
    immediate: i32,
}

const _: () = assert!(size_of::<Instruction>() == 8);

/// A program being built.
#[derive(Debug, Default)]
pub(super) struct Code {
    instructions: Vec<Instruction>,
    /// The place of each label, once it is known.
    labels: Vec<Option<usize>>,
    /// Jumps and their labels.
    jumps: Vec<(usize, Label)>,
}

impl Code {
    fn push(&mut self, code: u8, to: Reg, from: u8, offset: i16, immediate: i32) {
        let (low, high) = (to as u8, from);
        // C lays out bit-fields in reverse on big-endian machines.
        let registers = if cfg!(target_endian = "big") { low << 4 | high } else { high << 4 | low };
        self.instructions.push(Instruction { code, registers, offset, immediate });
    }

    /// `to = from`
    pub(super) fn copy(&mut self, to: Reg, from: Reg) -> &mut Self {
        self.push(0xbf, to, from as u8, 0, 0);
        self
    }

    /// `to = value`
    pub(super) fn set(&mut self, to: Reg, value: i32) -> &mut Self {
        self.push(0xb7, to, 0, 0, value);
        self
    }

    /// `to = to op value`
    pub(super) fn op(&mut self, op: Op, to: Reg, value: i32) -> &mut Self {
        self.push(0x07 | op as u8, to, 0, 0, value);
        self
    }

    /// `to = to + from`
    pub(super) fn add(&mut self, to: Reg, from: Reg) -> &mut Self {
        self.push(0x0f, to, from as u8, 0, 0);
        self
    }

    /// `to = to - from`
    pub(super) fn subtract(&mut self, to: Reg, from: Reg) -> &mut Self {
        self.push(0x1f, to, from as u8, 0, 0);
        self
    }

    /// `to = *(from + offset)`
    pub(super) fn load(&mut self, size: Size, to: Reg, from: Reg, offset: i16) -> &mut Self {
        self.push(0x61 | size as u8, to, from as u8, offset, 0);
        self
    }

    /// `*(to + offset) = from`
    pub(super) fn store(&mut self, size: Size, to: Reg, offset: i16, from: Reg) -> &mut Self {
        self.push(0x63 | size as u8, to, from as u8, offset, 0);
        self
    }

    /// `*(to + offset) = value`
    pub(super) fn store_value(
        &mut self,
        size: Size,
        to: Reg,
        offset: i16,
        value: i32,
    ) -> &mut Self {
        self.push(0x62 | size as u8, to, 0, offset, value);
        self
    }

    /// `*(to + offset) += from`, eight bytes, atomically: another program can
    /// interrupt this one on its CPU.
    pub(super) fn atomic_add(&mut self, to: Reg, offset: i16, from: Reg) -> &mut Self {
        self.push(0xdb, to, from as u8, offset, 0);
        self
    }

    /// `to = ` the map of a descriptor.
    pub(super) fn map(&mut self, to: Reg, descriptor: i32) -> &mut Self {
        const MAP_BY_DESCRIPTOR: u8 = 1;
        self.push(0x18, to, MAP_BY_DESCRIPTOR, 0, descriptor);
        self.push(0, Reg::R0, 0, 0, 0);
        self
    }

    /// `R0 = helper(R1..R5)`
    pub(super) fn call(&mut self, helper: Helper) -> &mut Self {
        self.push(0x85, Reg::R0, 0, 0, helper as i32);
        self
    }

    /// Returns 0.
    pub(super) fn exit(&mut self) -> &mut Self {
        self.set(Reg::R0, 0).push(0x95, Reg::R0, 0, 0, 0);
        self
    }

    /// A label that is placed later.
    pub(super) fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Places the label here.
    pub(super) fn place(&mut self, label: Label) -> &mut Self {
        self.labels[label.0] = Some(self.instructions.len());
        self
    }

    /// Goes to `label`.
    pub(super) fn jump(&mut self, label: Label) -> &mut Self {
        self.jumps.push((self.instructions.len(), label));
        self.push(0x05, Reg::R0, 0, 0, 0);
        self
    }

    /// Goes to `label` when `reg` and `value` meet the condition.
    pub(super) fn jump_if(&mut self, when: If, reg: Reg, value: i32, label: Label) -> &mut Self {
        self.jumps.push((self.instructions.len(), label));
        self.push(0x05 | when as u8, reg, 0, 0, value);
        self
    }

    /// The instructions; none when a jump has no target or is too long.
    pub(super) fn finish(mut self) -> Option<Vec<Instruction>> {
        for (at, label) in self.jumps {
            let target = i64::try_from(self.labels[label.0]?).ok()?;
            let distance = target - i64::try_from(at).ok()? - 1;
            self.instructions[at].offset = i16::try_from(distance).ok()?;
        }
        Some(self.instructions)
    }
}

#[cfg(test)]
mod tests;
