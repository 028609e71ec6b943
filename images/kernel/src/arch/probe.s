# A load that faults with a known pattern in every register, flag and red-zone word: the test of the
# page-fault path.

.macro each_register do
    \do rax, 0x5a00
    \do rbx, 0x5a01
    \do rdx, 0x5a02
    \do rbp, 0x5a03
    \do r8, 0x5a04
    \do r9, 0x5a05
    \do r10, 0x5a06
    \do r11, 0x5a07
    \do r12, 0x5a08
    \do r13, 0x5a09
    \do r14, 0x5a0a
    \do r15, 0x5a0b
.endm
.macro fill register, value
    mov $\value, %\register
.endm
.macro check register, value
    cmp $\value, %\register
    je 1f
    inc %rcx
1:
.endm

.section .text.trap, "ax"

# probe_load(rdi = address): the number of things that were not what they had been.
.globl probe_load, probe_access, probe_fixup
probe_load:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    each_register fill
    movq %rax, %xmm0
    movq %rbx, %xmm7
    movq %r15, %xmm15
    .set i, 1
    .rept 16
    mov %rax, -8 * i(%rsp)
    .set i, i + 1
    .endr
    xor %ecx, %ecx
    mov %rsp, %rsi
    stc
probe_access:
    movb (%rdi), %cl
probe_fixup:
    mov $0, %ecx                    # the carry flag counts as one
    adc $0, %ecx
    xor $1, %ecx
    cmp %rsi, %rsp
    je 1f
    inc %rcx
1:
    each_register check
    .set i, 1
    .rept 16
    cmpq $0x5a00, -8 * i(%rsp)
    je 1f
    inc %rcx
1:
    .set i, i + 1
    .endr
    movq %xmm0, %rax
    check rax, 0x5a00
    movq %xmm7, %rax
    check rax, 0x5a01
    movq %xmm15, %rax
    check rax, 0x5a0b
    mov %rcx, %rax
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
