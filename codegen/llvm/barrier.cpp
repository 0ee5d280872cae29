// void barrier(nnc_context* c)
//
//     if (c->threads <= 1) return                                a no-op for one thread
//     mine = epoch
//     if (arrived++ + 1 == threads) {                            the last to arrive opens the next epoch
//       arrived = 0; epoch++
//       if (sleepers) c->wake(c)
//     } else {
//       for (n = 0; n < c->spins; n++) { pause; if (epoch != mine) return }
//       do c->wait(c, mine) while (epoch == mine)
//     }
#include "codegen/llvm/barrier.h"

#include "codegen/llvm/processor.h"
#include "nnc/abi.h"

#include <cstddef>

namespace nnc {
namespace {

using V = llvm::Value*;
using Block = llvm::BasicBlock*;
using llvm::AtomicOrdering;

class Barrier {
public:
  Barrier(EmitModule& m, llvm::Function& f)
      : m_(m), f_(f), b_(m.module.getContext()), i32_(b_.getInt32Ty()), c_(f.getArg(0)) {}

  void emit() {
    Block start = block(), arrive = block(), last = block(), wake = block(), spin = block(), sleep = block(),
          again = block(), done = block();
    b_.SetInsertPoint(start);
    V members = b_.CreateLoad(i32_, at(c_, offsetof(nnc_context, threads)));
    b_.CreateCondBr(b_.CreateICmpSGT(members, b_.getInt32(1)), arrive, done);
    count_arrival(arrive, members, last, spin);
    open_epoch(last, wake, done);
    call_wake(wake, done);
    spin_a_while(spin, arrive, again, sleep, done);
    wait(sleep, done);
    b_.SetInsertPoint(done);
    b_.CreateRetVoid();
  }

private:
  Block block() { return llvm::BasicBlock::Create(b_.getContext(), "", &f_); }
  V at(V base, size_t offset) { return b_.CreateConstInBoundsGEP1_64(b_.getInt8Ty(), base, offset); }
  V pointer(size_t offset) { return b_.CreateLoad(b_.getPtrTy(), at(c_, offset)); }
  V atomic_load(V from, AtomicOrdering order) {
    auto* l = b_.CreateAlignedLoad(i32_, from, llvm::Align(4));
    l->setAtomic(order);
    return l;
  }
  V add_one(V to, AtomicOrdering order) {
    return b_.CreateAtomicRMW(llvm::AtomicRMWInst::Add, to, b_.getInt32(1), llvm::Align(4), order);
  }

  void count_arrival(Block arrive, V members, Block last, Block spin) {
    b_.SetInsertPoint(arrive);
    V barrier = pointer(offsetof(nnc_context, barrier));
    arrived_ = at(barrier, offsetof(nnc_barrier, arrived));
    epoch_ = at(barrier, offsetof(nnc_barrier, epoch));
    sleepers_ = at(barrier, offsetof(nnc_barrier, sleepers));
    spins_ = b_.CreateLoad(i32_, at(c_, offsetof(nnc_context, spins)));
    mine_ = atomic_load(epoch_, AtomicOrdering::Acquire);
    V before = add_one(arrived_, AtomicOrdering::AcquireRelease);
    b_.CreateCondBr(b_.CreateICmpEQ(b_.CreateAdd(before, b_.getInt32(1)), members), last, spin);
  }

  void open_epoch(Block last, Block wake, Block done) {
    b_.SetInsertPoint(last);
    llvm::StoreInst* reset = b_.CreateAlignedStore(b_.getInt32(0), arrived_, llvm::Align(4));
    reset->setAtomic(AtomicOrdering::Monotonic);
    add_one(epoch_, AtomicOrdering::SequentiallyConsistent);
    V anyone = atomic_load(sleepers_, AtomicOrdering::SequentiallyConsistent);
    b_.CreateCondBr(b_.CreateICmpNE(anyone, b_.getInt32(0)), wake, done);
  }

  void call_wake(Block wake, Block done) {
    b_.SetInsertPoint(wake);
    auto* type = llvm::FunctionType::get(b_.getVoidTy(), {b_.getPtrTy()}, false);
    b_.CreateCall(type, pointer(offsetof(nnc_context, wake)), {c_});
    b_.CreateBr(done);
  }

  void spin_a_while(Block spin, Block arrive, Block again, Block sleep, Block done) {
    b_.SetInsertPoint(spin);
    auto* count = b_.CreatePHI(i32_, 2);
    count->addIncoming(b_.getInt32(0), arrive);
    m_.processor.pause(b_);
    V more = b_.CreateAdd(count, b_.getInt32(1));
    count->addIncoming(more, again);
    V open = b_.CreateICmpNE(atomic_load(epoch_, AtomicOrdering::Acquire), mine_);
    b_.CreateCondBr(open, done, again);
    b_.SetInsertPoint(again);
    b_.CreateCondBr(b_.CreateICmpSLT(more, spins_), spin, sleep);
  }

  void wait(Block sleep, Block done) {
    b_.SetInsertPoint(sleep);
    auto* type = llvm::FunctionType::get(b_.getVoidTy(), {b_.getPtrTy(), i32_}, false);
    b_.CreateCall(type, pointer(offsetof(nnc_context, wait)), {c_, mine_});
    V still = b_.CreateICmpEQ(atomic_load(epoch_, AtomicOrdering::Acquire), mine_);
    b_.CreateCondBr(still, sleep, done);
  }

  EmitModule& m_;
  llvm::Function& f_;
  Emitter b_;
  llvm::Type* i32_;
  V c_, arrived_ = nullptr, epoch_ = nullptr, sleepers_ = nullptr, spins_ = nullptr, mine_ = nullptr;
};

} // namespace

llvm::Function* barrier_function(EmitModule& m) {
  if (auto* f = m.module.getFunction("barrier")) return f;
  auto& context = m.module.getContext();
  auto* type = llvm::FunctionType::get(llvm::Type::getVoidTy(context), {llvm::PointerType::get(context, 0)}, false);
  auto* f = llvm::Function::Create(type, llvm::Function::InternalLinkage, "barrier", m.module);
  decorate(*f);
  call_inside(*f);
  f->addFnAttr(llvm::Attribute::NoInline);
  Barrier(m, *f).emit();
  return f;
}

} // namespace nnc
