# Copy routines that may fault in their loads: see copy.rs, which states what holds
# at every instruction. System V: rdi = destination, rsi = source, rdx = length;
# returns the bytes stored.
    .pushsection .text.cutwater_sys_copy,"ax",@progbits
    .globl cutwater_sys_copy_movsb
    .globl cutwater_sys_copy_avx2
    .globl cutwater_sys_copy_begin
    .globl cutwater_sys_copy_landing
    .globl cutwater_sys_copy_end
    .hidden cutwater_sys_copy_movsb
    .hidden cutwater_sys_copy_avx2
    .hidden cutwater_sys_copy_begin
    .hidden cutwater_sys_copy_landing
    .hidden cutwater_sys_copy_end

    .p2align 6
cutwater_sys_copy_begin:
    .type cutwater_sys_copy_movsb, @function
cutwater_sys_copy_movsb:
    mov r9, rdi
    mov rcx, rdx
    add rdx, rsi
    rep movsb
    mov rax, rdi
    sub rax, r9
    ret

    # Fewer than 64 bytes: all loads, then all stores. rax is the length.
    .p2align 6
20:
    cmp eax, 32
    jae 25f
    cmp eax, 16
    jae 24f
    cmp eax, 8
    jae 23f
    cmp eax, 4
    jae 22f
    test eax, eax
    jz 21f
    movzx ecx, byte ptr [rsi]
    cmp eax, 1
    je 26f
    movzx r10d, word ptr [rdx - 2]
    mov word ptr [rdi + rax - 2], r10w
26: mov byte ptr [rdi], cl
21: ret
22: mov ecx, dword ptr [rsi]
    mov r10d, dword ptr [rdx - 4]
    mov dword ptr [rdi], ecx
    mov dword ptr [rdi + rax - 4], r10d
    ret
23: mov rcx, qword ptr [rsi]
    mov r10, qword ptr [rdx - 8]
    mov qword ptr [rdi], rcx
    mov qword ptr [rdi + rax - 8], r10
    ret
24: movdqu xmm0, xmmword ptr [rsi]
    movdqu xmm1, xmmword ptr [rdx - 16]
    movdqu xmmword ptr [rdi], xmm0
    movdqu xmmword ptr [rdi + rax - 16], xmm1
    ret
25: movdqu xmm0, xmmword ptr [rsi]
    movdqu xmm1, xmmword ptr [rsi + 16]
    movdqu xmm2, xmmword ptr [rdx - 32]
    movdqu xmm3, xmmword ptr [rdx - 16]
    movdqu xmmword ptr [rdi], xmm0
    movdqu xmmword ptr [rdi + 16], xmm1
    movdqu xmmword ptr [rdi + rax - 32], xmm2
    movdqu xmmword ptr [rdi + rax - 16], xmm3
    ret

        .p2align 6
    .type cutwater_sys_copy_avx2, @function
cutwater_sys_copy_avx2:
    mov rax, rdx
    mov r9, rdi
    add rdx, rsi
    cmp rax, 64
    jb 20b
    vmovdqu ymm0, ymmword ptr [rsi]
    vmovdqu ymm1, ymmword ptr [rsi + 32]
    cmp rax, 128
    ja 41f
    vmovdqu ymm2, ymmword ptr [rdx - 64]
    vmovdqu ymm3, ymmword ptr [rdx - 32]
    vmovdqu ymmword ptr [rdi], ymm0
    vmovdqu ymmword ptr [rdi + 32], ymm1
    vmovdqu ymmword ptr [rdi + rax - 64], ymm2
    vmovdqu ymmword ptr [rdi + rax - 32], ymm3
    vzeroupper
    ret
41: vmovdqu ymmword ptr [rdi], ymm0
    mov rcx, rdi
    and rcx, 31
    sub rcx, 32
    sub rsi, rcx
    sub rdi, rcx
    lea r10, [rdx - 128]
    cmp rsi, r10
    jae 43f
    .p2align 5
42: vmovdqu ymm0, ymmword ptr [rsi]
    vmovdqu ymm1, ymmword ptr [rsi + 32]
    vmovdqu ymm2, ymmword ptr [rsi + 64]
    vmovdqu ymm3, ymmword ptr [rsi + 96]
    vmovdqa ymmword ptr [rdi], ymm0
    vmovdqa ymmword ptr [rdi + 32], ymm1
    vmovdqa ymmword ptr [rdi + 64], ymm2
    vmovdqa ymmword ptr [rdi + 96], ymm3
    sub rsi, -128
    sub rdi, -128
    cmp rsi, r10
    jb 42b
43: vmovdqu ymm0, ymmword ptr [rdx - 128]
    vmovdqu ymm1, ymmword ptr [rdx - 96]
    vmovdqu ymm2, ymmword ptr [rdx - 64]
    vmovdqu ymm3, ymmword ptr [rdx - 32]
    lea rcx, [r9 + rax]
    vmovdqu ymmword ptr [rcx - 128], ymm0
    vmovdqu ymmword ptr [rcx - 96], ymm1
    vmovdqu ymmword ptr [rcx - 64], ymm2
    vmovdqu ymmword ptr [rcx - 32], ymm3
    vzeroupper
    ret

    .p2align 6
cutwater_sys_copy_landing:
    # No vzeroupper: not every CPU has it, and a fault costs far more than a slow SSE
    # instruction until the next one.
    mov rcx, r8
    sub rcx, rsi
    jbe 51f
    mov rax, rdx
    sub rax, rsi
    cmp rcx, rax
    cmova rcx, rax
    rep movsb
51: mov rax, rdi
    sub rax, r9
    ret
cutwater_sys_copy_end:
    .popsection
