// int32_t P_call_F(nnc_context* c, int32_t thread, int64_t first_step, int64_t steps)
//
//     leave if the context is of another version
//     set the floating-point mode, whatever the host's is; fill the frame, which is the first of this thread's part of
//     the arena (ir/memory.h): addresses of arguments, results and slots, scalars; fill the parameters of the kernels
//     for s in 0..steps
//       step, rows -> frame; ask for the data rows of the next step, which then come while this one computes
//       kernels in order; in front of those with `barrier`, all threads meet. A scan is a loop, in which the addresses
//       of what it reads and gives in a round advance; a cond is a branch that all threads take alike
//       thread 0: report; all threads meet; leave if thread 0 has found a bad loss and is to stop
//     add the counters to the report; restore the mode
//
// and int64_t P_arena_F(int64_t batch, int32_t threads), the bytes of its arena. P is the prefix of the object.
#include "codegen/llvm/entry.h"

#include "codegen/llvm/barrier.h"
#include "codegen/llvm/processor.h"
#include "codegen/lower/index.h"
#include "ir/host.h"
#include "ir/memory.h"
#include "ir/scan.h"
#include "ir/walk.h"
#include "nnc/abi.h"

#include <cstddef>

namespace nnc {
namespace {

using V = llvm::Value*;

class Entry {
public:
  Entry(EmitModule& m, Storage const& s, std::vector<KernelCall> const& kernels)
      : m_(m), context_(m.module.getContext()), b_(context_), s_(s), f_(s.function), kernels_(kernels) {}

  void emit() {
    auto* type = llvm::FunctionType::get(b_.getInt32Ty(),
                                         {b_.getPtrTy(), b_.getInt32Ty(), b_.getInt64Ty(), b_.getInt64Ty()}, false);
    function_ =
        llvm::Function::Create(type, llvm::Function::ExternalLinkage, m_.prefix + "_call_" + f_.name, m_.module);
    decorate(*function_);
    if (!m_.for_file) compile_fast(*function_);
    function_->setVisibility(llvm::GlobalValue::DefaultVisibility);
    c_ = function_->getArg(0);
    b_.SetInsertPoint(block());
    leave_if_of_another_version();
    thread_ = b_.CreateSExt(function_->getArg(1), b_.getInt64Ty());
    threads_ = b_.CreateSExt(b_.CreateLoad(b_.getInt32Ty(), field(offsetof(nnc_context, threads))), b_.getInt64Ty());
    V host_mode = m_.processor.set_float_mode(b_);
    fill_frame();
    all_steps();
    add_counters();
    m_.processor.restore_float_mode(b_, host_mode);
    b_.CreateRet(b_.getInt32(0));
  }

  // arena_bytes of ir/memory.h, for those who have the object alone.
  void emit_arena() {
    auto* type = llvm::FunctionType::get(b_.getInt64Ty(), {b_.getInt64Ty(), b_.getInt32Ty()}, false);
    function_ =
        llvm::Function::Create(type, llvm::Function::ExternalLinkage, m_.prefix + "_arena_" + f_.name, m_.module);
    decorate(*function_);
    if (!m_.for_file) compile_fast(*function_);
    function_->setVisibility(llvm::GlobalValue::DefaultVisibility);
    b_.SetInsertPoint(block());
    V const threads = b_.CreateSExt(function_->getArg(1), b_.getInt64Ty());
    V const batch = rounded_up(rows_of_part(function_->getArg(0)), row_padding);
    V size = b_.CreateMul(threads, c64(bytes_of_part(f_)));
    for (auto const& slot : f_.slots) size = b_.CreateAdd(size, bytes_of_slot(slot, batch));
    V const batches = b_.CreateICmpULE(function_->getArg(0), c64(most_batch())); // no negative one
    V const members = b_.CreateICmpULT(b_.CreateSub(threads, c64(1)), c64(most_threads));
    b_.CreateRet(b_.CreateSelect(b_.CreateAnd(batches, members), size, c64(-1)));
  }

private:
  // ---- small things ------------------------------------------------------------------------------------------------

  llvm::BasicBlock* block() { return llvm::BasicBlock::Create(context_, "", function_); }
  // Who calls counts the rows of a step. Those of one of its parts, and back.
  V rows_of_part(V rows) { return f_.parts == 1 ? rows : b_.CreateUDiv(rows, c64(f_.parts)); }
  V rows_of_step() { return f_.parts == 1 ? get(Frame::batch) : b_.CreateMul(get(Frame::batch), c64(f_.parts)); }
  V field(size_t offset) { return b_.CreateConstInBoundsGEP1_64(b_.getInt8Ty(), c_, offset); }
  V load64(size_t offset) { return b_.CreateLoad(b_.getInt64Ty(), field(offset)); }
  V load_pointer(size_t offset) { return b_.CreateLoad(b_.getPtrTy(), field(offset)); }
  V cell(i64 number) { return b_.CreateConstInBoundsGEP1_64(b_.getInt64Ty(), frame_, static_cast<u64>(number)); }
  void set(i64 number, V value) { b_.CreateStore(value, cell(number)); }
  V get(i64 number) { return b_.CreateLoad(b_.getInt64Ty(), cell(number)); }
  V report(size_t offset) {
    return b_.CreateConstInBoundsGEP1_64(b_.getInt8Ty(), load_pointer(offsetof(nnc_context, report)), offset);
  }
  V c64(i64 k) { return b_.getInt64(static_cast<u64>(k)); }

  template <class Make>
  void when(V condition, Make make) {
    auto *inside = block(), *after = block();
    b_.CreateCondBr(condition, inside, after);
    b_.SetInsertPoint(inside);
    make();
    b_.CreateBr(after);
    b_.SetInsertPoint(after);
  }

  // for (i = from; i < to; i += by) body(i)
  template <class Body>
  void counted(V from, V to, i64 by, Body make) {
    auto *before = b_.GetInsertBlock(), *body = block(), *after = block();
    b_.CreateCondBr(b_.CreateICmpSLT(from, to), body, after);
    b_.SetInsertPoint(body);
    auto* i = b_.CreatePHI(b_.getInt64Ty(), 2);
    i->addIncoming(from, before);
    make(i);
    V next = b_.CreateAdd(i, c64(by));
    i->addIncoming(next, b_.GetInsertBlock());
    b_.CreateCondBr(b_.CreateICmpSLT(next, to), body, after);
    b_.SetInsertPoint(after);
  }

  void leave_if_of_another_version() {
    auto *leave = block(), *go_on = block();
    V version = b_.CreateLoad(b_.getInt32Ty(), field(offsetof(nnc_context, version)));
    b_.CreateCondBr(b_.CreateICmpEQ(version, b_.getInt32(NNC_ABI_VERSION)), go_on, leave);
    b_.SetInsertPoint(leave);
    b_.CreateRet(b_.getInt32(NNC_OTHER_VERSION));
    b_.SetInsertPoint(go_on);
  }

  // The largest batch, and number of threads, with which no sum of the arena's sizes overflows.
  static constexpr i64 most_threads = 1 << 16;
  i64 most_batch() const {
    i64 fits = 0;
    for (i64 step = i64{1} << 31; step > 0; step /= 2)
      if (auto const bytes = arena_bytes(f_, fits + step, most_threads); bytes && *bytes < i64{1} << 62) fits += step;
    return fits;
  }

  // ---- once per call -----------------------------------------------------------------------------------------------

  void fill_frame() {
    i64 size = s_.frame.size; // and the kernels' parameters, one behind the other
    for (auto const& k : kernels_) size += static_cast<i64>(k.parameters.size());
    i64 const room = frame_bytes(f_);
    if (8 * size > room)
      throw CompilerBug("the frame of @" + f_.name + " takes " + std::to_string(8 * size) + " bytes, there are " +
                        std::to_string(room));
    frame_ = part_of_arena(thread_);
    scratch_ = b_.CreateConstInBoundsGEP1_64(b_.getInt8Ty(), frame_, static_cast<u64>(room));
    b_.CreateStore(c_, cell(Frame::context));
    set(Frame::thread, thread_);
    set(Frame::threads, threads_);
    V batch = rows_of_part(load64(offsetof(nnc_context, batch)));
    set(Frame::batch, batch);
    set(Frame::padded_batch, rounded_up(batch, row_padding));
    set(Frame::examples, load64(offsetof(nnc_context, examples)));
    set(Frame::seed, load64(offsetof(nnc_context, seed)));
    for (i64 k = 0; k < counter_count; ++k) set(Frame::counters + k, c64(0));
    fill_cells(s_.frame.scalars, s_.frame.slots - s_.frame.scalars, offsetof(nnc_context, scalars));
    fill_slots();
    fill_cells(s_.frame.arguments, static_cast<i64>(f_.arguments.size()), offsetof(nnc_context, arguments));
    fill_cells(s_.frame.results, static_cast<i64>(f_.results.size()), offsetof(nnc_context, results));
    fill(s_.frame.rounds, s_.frame.size - s_.frame.rounds, [&](V) { return c64(0); });
    fill_parameters();
  }

  // That of a thread; behind those of all threads the slots begin.
  V part_of_arena(V number) {
    return b_.CreateGEP(b_.getInt8Ty(), load_pointer(offsetof(nnc_context, arena)),
                        b_.CreateMul(number, c64(bytes_of_part(f_))));
  }

  // Copies `count` cells from the context's list at `offset`, in a loop: that is less code than one copy after the
  // other.
  template <class Make>
  void fill(i64 first, i64 count, Make value) {
    if (count == 0) return;
    counted(c64(0), c64(count), 1,
            [&](V k) { b_.CreateStore(value(k), b_.CreateInBoundsGEP(b_.getInt64Ty(), cell(first), k)); });
  }

  // From the context's list at `offset`.
  void fill_cells(i64 first, i64 count, size_t offset) {
    if (count == 0) return;
    V list = load_pointer(offset);
    fill(first, count,
         [&](V k) { return b_.CreateLoad(b_.getInt64Ty(), b_.CreateInBoundsGEP(b_.getInt64Ty(), list, k)); });
  }

  // A parameter is the address of a buffer, copied from the frame, or where in the frame a scalar stands; a
  // table says which cell of the frame that is, ~cell for a scalar.
  void fill_parameters() {
    std::vector<u32> table;
    for (auto const& k : kernels_) {
      for (i64 cell : k.parameters.addresses) table.push_back(static_cast<u32>(cell));
      for (i64 cell : k.parameters.scalars) table.push_back(~static_cast<u32>(cell));
    }
    if (table.empty()) return;
    auto* numbers = llvm::ConstantDataArray::get(context_, table);
    auto* list = new llvm::GlobalVariable(m_.module, numbers->getType(), true, llvm::GlobalValue::PrivateLinkage,
                                          numbers, f_.name + ".parameters");
    fill(s_.frame.size, static_cast<i64>(table.size()), [&](V k) {
      V code = b_.CreateLoad(b_.getInt32Ty(), b_.CreateInBoundsGEP(b_.getInt32Ty(), list, k));
      V is_scalar = b_.CreateICmpSLT(code, b_.getInt32(0));
      V number = b_.CreateSExt(b_.CreateSelect(is_scalar, b_.CreateNot(code), code), b_.getInt64Ty());
      V where = b_.CreateInBoundsGEP(b_.getInt64Ty(), frame_, number);
      V there = b_.CreatePtrToInt(where, b_.getInt64Ty());
      return b_.CreateSelect(is_scalar, there, b_.CreateLoad(b_.getInt64Ty(), where));
    });
  }

  // Each slot starts where the slots before it end, rounded up to a cache line.
  void fill_slots() {
    if (f_.slots.empty()) return;
    V at = part_of_arena(threads_), batch = get(Frame::padded_batch);
    for (size_t i = 0; i < f_.slots.size(); ++i) {
      b_.CreateStore(at, cell(s_.frame.slots + static_cast<i64>(i)));
      at = b_.CreateGEP(b_.getInt8Ty(), at, bytes_of_slot(f_.slots[i], batch));
    }
  }

  // Up to a power of two.
  V rounded_up(V n, i64 unit) { return b_.CreateAnd(b_.CreateAdd(n, c64(unit - 1)), c64(-unit)); }

  // With the distance to the next one.
  V bytes_of_slot(Dim const& slot, V padded_batch) {
    auto c = polynomial_in_batch(slot);
    if (!c) throw Error("a slot of " + slot.text() + " bytes is not compiled yet");
    V size = b_.CreateAdd(b_.CreateMul(padded_batch, c64((*c)[1])), c64((*c)[0]));
    if ((*c)[2]) size = b_.CreateAdd(size, b_.CreateMul(b_.CreateMul(padded_batch, padded_batch), c64((*c)[2])));
    return rounded_up(size, 64);
  }

  // ---- the steps ---------------------------------------------------------------------------------------------------

  void all_steps() {
    V first = function_->getArg(2), steps = function_->getArg(3);
    V rows = load_pointer(offsetof(nnc_context, rows)), batch = rows_of_step();
    auto* before = b_.GetInsertBlock();
    auto *body = block(), *next = block();
    after_steps_ = block();
    b_.CreateCondBr(b_.CreateICmpSGT(steps, c64(0)), body, after_steps_);
    b_.SetInsertPoint(body);
    auto* s = b_.CreatePHI(b_.getInt64Ty(), 2);
    s->addIncoming(c64(0), before);
    step_ = b_.CreateAdd(first, s);
    set(Frame::step, step_);
    b_.CreateStore(b_.CreateGEP(b_.getInt32Ty(), rows, b_.CreateMul(s, batch)), cell(Frame::rows));
    V following = b_.CreateAdd(s, c64(1));
    when(b_.CreateICmpSLT(following, steps),
         [&] { ask_for_rows(b_.CreateGEP(b_.getInt32Ty(), rows, b_.CreateMul(following, batch))); });
    bool met = call_kernels();
    finish_step(met, next);
    b_.SetInsertPoint(next);
    s->addIncoming(following, next);
    b_.CreateCondBr(b_.CreateICmpSLT(following, steps), body, after_steps_);
    b_.SetInsertPoint(after_steps_);
  }

  // Shuffled rows of a mapped data set come from far, and no processor guesses which. Each thread asks for its share,
  // into the second level of its cache. A row number that is out of range asks for nothing of interest and does no
  // harm.
  void ask_for_rows(V rows) {
    constexpr i64 line = 64;
    V batch = rows_of_step();
    V from = b_.CreateUDiv(b_.CreateMul(thread_, batch), threads_);
    V to = b_.CreateUDiv(b_.CreateMul(b_.CreateAdd(thread_, c64(1)), batch), threads_);
    for (size_t a = 0; a < f_.arguments.size(); ++a) {
      auto const& type = f_.type(f_.arguments[a].value);
      if (f_.arguments[a].role != Role::data || type.shape.empty()) continue;
      i64 size =
          *element_count({type.shape.begin() + 1, type.shape.end()}).constant() * bytes(type.dtype); // check_compiled
      V data = b_.CreateLoad(b_.getPtrTy(), cell(s_.frame.arguments + static_cast<i64>(a)));
      counted(from, to, 1, [&](V r) {
        V number =
            b_.CreateSExt(b_.CreateLoad(b_.getInt32Ty(), b_.CreateGEP(b_.getInt32Ty(), rows, r)), b_.getInt64Ty());
        V row = b_.CreateGEP(b_.getInt8Ty(), data, b_.CreateMul(number, c64(size)));
        counted(c64(0), c64(size), line, [&](V byte) {
          V where = b_.CreateGEP(b_.getInt8Ty(), row, byte);
          b_.CreateIntrinsic(llvm::Intrinsic::prefetch, {b_.getPtrTy()},
                             {where, b_.getInt32(0), b_.getInt32(2), b_.getInt32(1)});
        });
      });
    }
  }

  // Says whether thread 0 may read what the step reports without meeting the others again: a barrier came after the
  // kernels that made it, or thread 0 made it itself.
  bool call_kernels() {
    i64 parameters = s_.frame.size;
    for (auto const& k : kernels_) {
      parameters_.push_back(parameters);
      parameters += static_cast<i64>(k.parameters.size());
    }
    waiting_.assign(f_.values.size(), false);
    call(f_.body.nodes);
    for (auto const& r : f_.results)
      if (waiting_[r.value] && is_report(r.role)) return false;
    return true;
  }

  void call(std::vector<Node> const& nodes) {
    for (auto const& n : nodes) {
      if (n.op == OpCode::scan) loop(Scan(n));
      if (n.op == OpCode::cond) branch(n);
      if (n.op == OpCode::kernel) call(n);
    }
  }

  void call(Node const& n) {
    if (n.kernel->barrier) {
      meet();
      waiting_.assign(waiting_.size(), false);
    }
    auto const& kernel = kernels_[next_kernel_];
    i64 const parameters = parameters_[next_kernel_++];
    if (!kernel.function.empty())
      nnc::call(b_, kernel_function(m_, kernel.function), {frame_, cell(parameters), scratch_});
    bool const by_many = n.kernel->is_parallel(); // by any one of them, of one unit
    for (auto r : n.results) waiting_[r] = by_many;
  }

  void loop(Scan const& s) {
    std::vector<Round> rounds;
    for (size_t i = 0; i < s.sequences; ++i) rounds.push_back(round_of(s.element(i), s.sequence(i)));
    for (size_t i = 0; i < s.stacks(); ++i) rounds.push_back(round_of(s.given(i), s.stack(i)));
    counted(c64(0), c64(s.length), 1, [&](V round) {
      V const at = s.reverse ? b_.CreateSub(c64(s.length - 1), round) : round;
      for (auto const& r : rounds) {
        V address =
            b_.CreatePtrToInt(b_.CreateGEP(b_.getInt8Ty(), r.base, b_.CreateMul(at, r.stride)), b_.getInt64Ty());
        set(r.cell, address);
        advance_parameters(s.node, r.cell, address);
      }
      call(s.body().nodes);
    });
    waiting_.assign(waiting_.size(), true); // of what a loop or a branch has done nothing is known
  }

  // What a round reads or gives of a sequence: where all of it begins, from element to element, and the cell of the
  // address.
  struct Round {
    V base, stride;
    i64 cell;
  };
  Round round_of(ValueId part, ValueId whole) {
    auto const& type = f_.type(part);
    V const base = b_.CreateLoad(b_.getPtrTy(), cell(cell_of(*s_.places[whole])));
    return {base, b_.CreateMul(extent(element_count(type.shape)), c64(bytes(type.dtype))), cell_of(*s_.places[part])};
  }
  i64 cell_of(Place const& p) const {
    switch (p.kind) {
    case Place::Kind::slot: return s_.frame.slots + p.index;
    case Place::Kind::round: return s_.frame.rounds + p.index;
    default: throw CompilerBug("a sequence is not in the arena");
    }
  }
  V extent(Dim const& d) {
    auto const c = polynomial_in_batch(d);
    if (!c) throw Error("an extent of " + d.text() + " is not compiled yet");
    V const batch = get(Frame::batch);
    V const squares = b_.CreateMul(b_.CreateMul(batch, batch), c64((*c)[2]));
    return b_.CreateAdd(b_.CreateAdd(squares, b_.CreateMul(batch, c64((*c)[1]))), c64((*c)[0]));
  }

  // The kernels in a loop have copies of the addresses.
  void advance_parameters(Node const& scan, i64 changed, V address) {
    size_t count = 0;
    each_node(scan.regions.front().nodes, [&](Node const& n) { count += is_kernel(n); });
    for (size_t k = next_kernel_; k < next_kernel_ + count; ++k) {
      auto const& cells = kernels_[k].parameters.addresses;
      for (size_t i = 0; i < cells.size(); ++i)
        if (cells[i] == changed) set(parameters_[k] + static_cast<i64>(i), address);
    }
  }

  void branch(Node const& n) {
    if (n.attributes.get_or("barrier", false)) meet();
    V const condition = b_.CreateLoad(b_.getInt8Ty(), address_of(*s_.places[n.operands[0]]));
    auto *yes = block(), *no = block(), *after = block();
    b_.CreateCondBr(b_.CreateICmpNE(condition, b_.getInt8(0)), yes, no);
    for (auto const& [side, where] : {std::pair(0, yes), std::pair(1, no)}) {
      b_.SetInsertPoint(where);
      call(n.regions[static_cast<size_t>(side)].nodes);
      b_.CreateBr(after);
    }
    b_.SetInsertPoint(after);
    waiting_.assign(waiting_.size(), true);
  }

  void meet() { nnc::call(b_, barrier_function(m_), {c_}); }

  void finish_step(bool met, llvm::BasicBlock* next) {
    bool any = false;
    for (auto const& r : f_.results) any = any || is_report(r.role);
    if (any && !met) meet();
    when(b_.CreateICmpEQ(thread_, c64(0)), [&] { write_report(); });
    meet();
    V stop = b_.CreateLoad(b_.getInt32Ty(), field(offsetof(nnc_context, stop_on_bad)));
    V bad = b_.CreateLoad(b_.getInt64Ty(), report(offsetof(nnc_report, first_bad_step)));
    V leave = b_.CreateAnd(b_.CreateICmpNE(stop, b_.getInt32(0)), b_.CreateICmpNE(bad, c64(0)));
    b_.CreateCondBr(leave, after_steps_, next);
  }

  void write_report() {
    V batch = rows_of_step(), weight = b_.CreateSIToFP(batch, b_.getDoubleTy());
    V sums = nullptr, last = nullptr;
    size_t number = 0;
    for (auto const& r : f_.results) {
      if (!is_report(r.role)) continue;
      if (!sums) {
        sums = b_.CreateLoad(b_.getPtrTy(), report(offsetof(nnc_report, sums)));
        last = b_.CreateLoad(b_.getPtrTy(), report(offsetof(nnc_report, last)));
      }
      V value = value_of(r);
      auto at = [&](V list) { return b_.CreateConstInBoundsGEP1_64(b_.getDoubleTy(), list, number); };
      V sum = b_.CreateLoad(b_.getDoubleTy(), at(sums));
      b_.CreateStore(b_.CreateFAdd(sum, b_.CreateFMul(value, weight)), at(sums));
      b_.CreateStore(value, at(last));
      ++number;
      if (r.role == Role::loss) check_finite(value);
    }
    add_to(offsetof(nnc_report, steps), c64(1));
    add_to(offsetof(nnc_report, examples), batch);
  }

  void add_to(size_t offset, V amount) {
    V where = report(offset);
    b_.CreateStore(b_.CreateAdd(b_.CreateLoad(b_.getInt64Ty(), where), amount), where);
  }

  void check_finite(V value) { // x - x is 0 for finite x alone
    V rest = b_.CreateFSub(value, value);
    V bad = b_.CreateFCmpUNO(rest, rest);
    V where = report(offsetof(nnc_report, first_bad_step));
    V none = b_.CreateICmpEQ(b_.CreateLoad(b_.getInt64Ty(), where), c64(0));
    when(b_.CreateAnd(bad, none), [&] { b_.CreateStore(step_, where); });
  }

  // A reported value as f64.
  V value_of(Result const& r) {
    auto const& value = f_.values[r.value];
    if (value.constant)
      return llvm::ConstantFP::get(b_.getDoubleTy(), is_float(value.type.dtype) ? value.constant->f
                                                                                : static_cast<f64>(value.constant->i));
    auto const& place = s_.places[r.value];
    if (!place) throw CompilerBug("the result " + r.name + " has no place");
    DType d = value.type.dtype;
    if (d == DType::bool_) d = DType::u8; // in memory
    V v = b_.CreateLoad(llvm_type(context_, {d, 1}), address_of(*place));
    return emit_compute(m_, b_, OpCode::convert, d, {DType::f64, 1}, {v});
  }

  V address_of(Place const& p) {
    auto& frame = s_.frame;
    auto pointer = [&](i64 number) { return b_.CreateLoad(b_.getPtrTy(), cell(number)); };
    switch (p.kind) {
    case Place::Kind::local: return cell(frame.locals + p.index);
    case Place::Kind::slot: return pointer(frame.slots + p.index);
    case Place::Kind::argument: return pointer(frame.arguments + p.index);
    case Place::Kind::result: return pointer(frame.results + p.index);
    case Place::Kind::round: return pointer(frame.rounds + p.index);
    default: throw CompilerBug("a reported value has no place of its own");
    }
  }

  void add_counters() {
    for (i64 k = 0; k < counter_count; ++k) {
      V n = get(Frame::counters + k);
      size_t offset = static_cast<Counter>(k) == Counter::clamped ? offsetof(nnc_report, clamped)
                                                                  : offsetof(nnc_report, zero_divided);
      when(b_.CreateICmpNE(n, c64(0)), [&] {
        b_.CreateAtomicRMW(llvm::AtomicRMWInst::Add, report(offset), n, llvm::Align(8),
                           llvm::AtomicOrdering::Monotonic);
      });
    }
  }

  EmitModule& m_;
  llvm::LLVMContext& context_;
  Emitter b_;
  Storage const& s_;
  Function const& f_;
  std::vector<KernelCall> const& kernels_;
  llvm::Function* function_ = nullptr;
  llvm::BasicBlock* after_steps_ = nullptr;
  std::vector<i64> parameters_; // per kernel: its first cell of parameters
  size_t next_kernel_ = 0;
  std::vector<bool> waiting_; // per value: made since the threads last met, by one that nobody knows
  V c_ = nullptr, frame_ = nullptr, scratch_ = nullptr, thread_ = nullptr, threads_ = nullptr, step_ = nullptr;
};

} // namespace

void emit_entry(EmitModule& m, Storage const& s, std::vector<KernelCall> const& kernels) {
  Entry(m, s, kernels).emit();
  Entry(m, s, kernels).emit_arena();
}

} // namespace nnc
