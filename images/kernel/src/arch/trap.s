# Every instruction that runs in ring 0 after boot, and the ring-3 half of exceptions.
#
# Ring-0 code is the shortest possible: hosts exist that interpret it.

.section .text.trap, "ax"

# --- int3: a call into ring 0. rax = function, rdi, rsi, rdx = arguments, result in rax.
#     Clobbers rcx and rdx. Only Rust in trap.rs executes int3, so rax needs no check.
.globl entry_call
entry_call:
    jmp *call_table(,%rax,8)

call_invlpg:
    invlpg (%rdi)
    iretq
call_take_pending:                  # take an interrupt if the bits edx of the word at rsi say so
    test %edx, (%rsi)
    jz 1f
    sti
    nop                             # most hosts deliver here, and the interrupt goes on at call_awake;
    nop
    hlt                             # one that interprets ring 0 delivers at hlt only
    jmp call_awake
1:  iretq
call_halt_until:                    # sleep unless the counter at rdi differs from rsi already
    cmp %rsi, (%rdi)
    jne 1f
    sti
    hlt                             # as above
call_awake:
    cli
1:  iretq
call_stop:                          # for ever
    cli
    hlt
    jmp call_stop
call_load_empty_idt:                # the next exception resets the machine
    lidt empty_idt_pointer
    iretq
.section .rodata.trap, "a"
    .balign 8
call_table:
    .quad call_invlpg, call_take_pending, call_halt_until, call_stop, call_load_empty_idt
empty_idt_pointer:
    .word 0
    .quad 0

.section .text.trap, "ax"

# --- Interrupts: count, acknowledge. They arrive only in call_take_pending and call_halt_until.
.set vector, 0
.rept 16
irq_\+:
    incq irq_counts + 8 * vector
    jmp irq_acknowledge
    .set vector, vector + 1
.endr
irq_acknowledge:
    push %rax
    mov $0xfee000b0, %eax           # End Of Interrupt
    movl $0, (%rax)
    pop %rax
    movq $call_awake, (%rsp)        # behind the hlt, even if it came before: some emulators forget
                                    # the one instruction that sti protects
.globl entry_spurious
entry_spurious:
    iretq

# --- Page fault: six instructions, then ring 3 on the fault stack with every register as it was.
#     What the CPU pushed, rax and cr2 stay in the page-fault stack for the ring-3 half to read.
.globl entry_page_fault
entry_page_fault:
    push %rax
    mov %cr2, %rax
    push %rax
    mov 8(%rsp), %rax
    mov $page_fault_frame, %esp
    iretq

# --- All other exceptions end the guest. The same layout on their own stack, the vector below it.
.macro exception number, has_error
entry_exception_\number:
    .ifeq \has_error
    push $0
    .endif
    push %rax
    mov %cr2, %rax
    push %rax
    push $\number
    mov 16(%rsp), %rax
    mov $exception_frame, %esp
    iretq
.endm
    exception 0, 0
    exception 1, 0
    exception 2, 0
    exception 4, 0
    exception 5, 0
    exception 6, 0
    exception 7, 0
    exception 8, 1
    exception 10, 1
    exception 11, 1
    exception 12, 1
    exception 13, 1
    exception 16, 0
    exception 17, 1
    exception 18, 0
    exception 19, 0

# --- The ring-3 half. Builds arch::fault::FaultFrame on the stack.
.macro save_frame stack_top
    push %rax
    push %rbx
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %rbp
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    pushq \stack_top - 16           # rsp
    pushq \stack_top - 24           # rflags
    pushq \stack_top - 40           # rip
    pushq \stack_top - 48           # error code
    pushq \stack_top - 64           # cr2
    sub $512, %rsp
    fxsave64 (%rsp)
    mov %rsp, %rdi
.endm

page_fault_ring3:
    save_frame page_fault_stack_top
    call rust_page_fault
    fxrstor64 (%rsp)
    add $528, %rsp                  # past fxsave, cr2, error code: rip, rflags, rsp, r15 ... rax
    mov 16(%rsp), %rcx              # the interrupted stack; its red zone is 128 bytes
    mov (%rsp), %rax
    mov %rax, -136(%rcx)            # rip
    mov 8(%rsp), %rax
    mov %rax, -144(%rcx)            # rflags
    mov 96(%rsp), %rax
    mov %rax, -152(%rcx)            # rdi
    lea -152(%rcx), %rcx
    mov %rcx, 96(%rsp)              # the way to them takes rdi's place
    add $24, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rbp
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rbx
    pop %rax
    mov %rdi, %rsp
    pop %rdi
    popfq
    ret $128

exception_ring3:
    save_frame exception_stack_top
    mov exception_stack_top - 72, %rsi
    call rust_exception
    ud2

# --- Copies between the workload's window and kernel memory.
#     rdi = destination, rsi = source, rdx = bytes. Returns the bytes that were not copied.
.globl user_copy
user_copy:
    mov %rdx, %rcx
user_copy_access:
    rep movsb
user_copy_fixup:
    mov %rcx, %rax
    ret

# --- The instructions that may fault in the workload's window, and where each goes on when the page
#     cannot be had.
.section .rodata.trap, "a"
    .balign 8
.globl access_table
access_table:
    .quad user_copy_access, user_copy_fixup
    .quad probe_access, probe_fixup
.section .text.trap, "ax"

# --- run_on(stack_top, function): leaves the boot stack for good.
.globl run_on
run_on:
    mov %rdi, %rsp
    xor %ebp, %ebp
    call *%rsi
    ud2

.section .data.trap, "aw"
    .balign 16
.globl page_fault_frame
page_fault_frame:                   # 0x3002: ring 3 uses ports (boot.s); the fourth word is the running task's fault stack
    .quad page_fault_ring3, 0x33, 0x3002, fault_stack_window_top, 0x2b
exception_frame:
    .quad exception_ring3, 0x33, 0x3002, report_stack_top, 0x2b
# Matches stack_pt in boot.s: guard, 32 pages, guard, 32 pages.
.set stack_window, 0x8000000000
.set main_stack_window_top, stack_window + 0x21000
.set fault_stack_window_top, stack_window + 0x42000

.section .bss.trap, "aw", @nobits
    .balign 4096
    .skip 4096
.globl call_stack_top
call_stack_top:
    .skip 4096
.globl page_fault_stack_top
page_fault_stack_top:
    .skip 4096
.globl exception_stack_top
exception_stack_top:
    .skip 16384
report_stack_top:
.globl irq_counts
irq_counts:
    .skip 8 * 16

.section .rodata.trap, "a"
    .balign 8
# In memory, because the addresses do not fit into an instruction.
.globl stack_window_bounds
stack_window_bounds:
    .quad stack_window, main_stack_window_top, fault_stack_window_top
.globl exception_entries, irq_entries
exception_entries:                  # vector, entry; ends with vector 255
    .irp number, 0,1,2,4,5,6,7,8,10,11,12,13,16,17,18,19
    .quad \number, entry_exception_\number
    .endr
    .quad 255, 0
irq_entries:
    .set vector, 0
    .rept 16
    .quad irq_\+
    .set vector, vector + 1
    .endr
