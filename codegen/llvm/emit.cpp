#include "codegen/llvm/emit.h"

#include "codegen/llvm/addresses.h"
#include "codegen/llvm/transpose.h"
#include "codegen/math/literal.h"

#include <map>

#include <llvm/TargetParser/Triple.h>

namespace nnc {
namespace {

using V = llvm::Value*;

llvm::Type* element_type(llvm::LLVMContext& c, DType d) {
  switch (d) {
  case DType::f64: return llvm::Type::getDoubleTy(c);
  case DType::f32: return llvm::Type::getFloatTy(c);
  case DType::i64: return llvm::Type::getInt64Ty(c);
  case DType::i32: return llvm::Type::getInt32Ty(c);
  case DType::f16:
  case DType::bf16: return llvm::Type::getInt16Ty(c);
  case DType::i8:
  case DType::u8: return llvm::Type::getInt8Ty(c);
  case DType::bool_: return llvm::Type::getInt1Ty(c);
  }
  throw CompilerBug("a dtype without a type");
}

class KernelEmitter {
public:
  KernelEmitter(EmitModule& m, Loops const& loops)
      : m_(m), context_(m.module.getContext()), b_(context_), loops_(loops), depths_(loops) {
    values_.assign(loops.insts.size(), nullptr);
  }

  void emit() {
    function_ = kernel_function(m_, loops_.name);
    decorate(*function_);
    constexpr size_t most_fast = 1000; // the fast way takes time that is quadratic in the length of a block
    if (loops_.loops.empty() && loops_.insts.size() < most_fast) compile_fast(*function_);
    frame_ = function_->getArg(0), parameters_ = function_->getArg(1), scratch_ = function_->getArg(2);
    function_->addParamAttr(2, llvm::Attribute::NoAlias); // the others reach no byte of it
    b_.SetInsertPoint(llvm::BasicBlock::Create(context_, "", function_));
    for (auto const& buffer : loops_.buffers) buffers_.push_back(address_of(buffer));
    body(loops_.body);
    b_.CreateRetVoid();
  }

private:
  // The address in a cell of the frame or of the parameters.
  V address_in(i64 number, std::string const& name = "") {
    bool fixed = number < fixed_cells;
    auto inside = static_cast<u64>(fixed ? number : number - fixed_cells);
    V where = b_.CreateConstInBoundsGEP1_64(b_.getInt64Ty(), fixed ? frame_ : parameters_, inside);
    return b_.CreateLoad(b_.getPtrTy(), where, name);
  }

  // Where a cell of the frame stands.
  V cell(i64 number) {
    if (number >= fixed_cells) return address_in(number);
    return b_.CreateConstInBoundsGEP1_64(b_.getInt64Ty(), frame_, static_cast<u64>(number));
  }

  V address_of(Buffer const& buffer) {
    if (buffer.cell >= 0) return address_in(buffer.cell, buffer.name);
    if (buffer.offset >= 0)
      return b_.CreateConstInBoundsGEP1_64(b_.getInt8Ty(), scratch_, static_cast<u64>(buffer.offset), buffer.name);
    auto* memory =
        b_.CreateAlloca(llvm::ArrayType::get(b_.getInt8Ty(), static_cast<u64>(buffer.bytes)), nullptr, buffer.name);
    memory->setAlignment(llvm::Align(64));
    return memory;
  }

  void body(std::vector<Ref> const& list) {
    for (auto r : list) {
      auto const& i = loops_[r];
      if (i.act == Act::loop) loop(loops_.loops[static_cast<size_t>(i.number)]);
      else if (writes(i.act)) effect(i);
      else values_[r] = value(i);
    }
  }

  V at(Ref r) {
    if (!values_[r]) {
      if (loops_[r].act != Act::constant)
        throw CompilerBug("an instruction is used before it is made in " + loops_.name);
      values_[r] = constant(loops_[r]);
    }
    return values_[r];
  }
  V operand(Inst const& i, int n) { return at(i.args[static_cast<size_t>(n)]); }
  Lanes type_of(Inst const& i, int n) const { return loops_[i.args[static_cast<size_t>(n)]].type; }

  V constant(Inst const& i) {
    auto* type = llvm_type(context_, i.type);
    if (type->isFPOrFPVectorTy()) return llvm::ConstantFP::get(type, i.scalar.f);
    if (i.type.dtype == DType::bool_)
      return i.scalar.i ? llvm::ConstantInt::getTrue(type) : llvm::ConstantInt::getFalse(type);
    return llvm::ConstantInt::get(type, static_cast<u64>(math::lane_of(i.type.dtype, i.scalar).i));
  }

  void loop(Loop const& l) {
    V begin = at(l.begin), end = at(l.end);
    std::vector<V> initial;
    for (auto r : l.initial) initial.push_back(at(r));
    auto* before = b_.GetInsertBlock();
    auto* inside = llvm::BasicBlock::Create(context_, "", function_);
    auto* after = llvm::BasicBlock::Create(context_, "", function_);
    if (l.sure) b_.CreateBr(inside);
    else b_.CreateCondBr(b_.CreateICmpSLT(begin, end), inside, after);
    open_.push_back({before->getTerminator(), {}});
    b_.SetInsertPoint(inside);
    auto* index = b_.CreatePHI(b_.getInt64Ty(), 2);
    index->addIncoming(begin, before);
    values_[l.index] = index;
    std::vector<llvm::PHINode*> carried;
    for (size_t k = 0; k < l.carried.size(); ++k) {
      carried.push_back(b_.CreatePHI(initial[k]->getType(), 2));
      carried.back()->addIncoming(initial[k], before);
      values_[l.carried[k]] = carried.back();
    }
    body(l.body);
    V next_index = b_.CreateNSWAdd(index, b_.getInt64(static_cast<u64>(l.step)));
    std::vector<V> next;
    for (auto r : l.next) next.push_back(at(r));
    auto* latch = b_.GetInsertBlock();
    index->addIncoming(next_index, latch);
    for (size_t k = 0; k < carried.size(); ++k) carried[k]->addIncoming(next[k], latch);
    b_.CreateCondBr(b_.CreateICmpSLT(next_index, end), inside, after);
    open_.pop_back();
    b_.SetInsertPoint(after);
    for (size_t k = 0; k < l.results.size(); ++k) {
      auto* result = b_.CreatePHI(next[k]->getType(), 2);
      result->addIncoming(next[k], latch);
      if (!l.sure) result->addIncoming(initial[k], before);
      values_[l.results[k]] = result;
    }
  }

  void effect(Inst const& i) {
    switch (i.act) {
    case Act::set_cell: b_.CreateStore(in_memory(operand(i, 0), i.type), cell(i.number)); return;
    case Act::store: return store(i);
    case Act::count: return count(i);
    case Act::prefetch:
      b_.CreateIntrinsic(
          llvm::Intrinsic::prefetch, {b_.getPtrTy()},
          {address(i, i.type.dtype), b_.getInt32(static_cast<u32>(i.scalar.i)), b_.getInt32(3), b_.getInt32(1)});
      return;
    case Act::transpose: return transpose(i);
    default: throw CompilerBug("an effect without code");
    }
  }

  void transpose(Inst const& i) {
    auto const& t = loops_.transpositions[static_cast<size_t>(i.number)];
    auto element = [&](int buffer, V index) {
      return b_.CreateGEP(b_.getIntNTy(static_cast<unsigned>(8 * t.element)), buffers_[static_cast<size_t>(buffer)],
                          index);
    };
    call(b_, transposing_pack(m_.module, static_cast<unsigned>(t.lanes), static_cast<unsigned>(t.element)),
         {element(t.source, operand(i, 0)), b_.getInt64(static_cast<u64>(t.source_stride)), operand(i, 1),
          element(t.target, operand(i, 2)), b_.getInt64(static_cast<u64>(t.target_stride)), operand(i, 3)});
  }

  V value(Inst const& i) {
    switch (i.act) {
    case Act::cell: return from_memory(b_.CreateLoad(memory_type(i.type), cell(i.number)), i.type);
    case Act::compute: return compute(i);
    case Act::fma: return emit_fma(m_, b_, operand(i, 0), operand(i, 1), operand(i, 2));
    case Act::quotient: return b_.CreateUDiv(operand(i, 0), operand(i, 1));
    case Act::remainder: return b_.CreateURem(operand(i, 0), operand(i, 1));
    case Act::bit_width: return bit_width(operand(i, 0));
    case Act::splat: return b_.CreateVectorSplat(static_cast<unsigned>(i.type.lanes), operand(i, 0));
    case Act::lane_numbers: return lane_numbers(i.type.lanes);
    case Act::extract: return b_.CreateExtractElement(operand(i, 0), operand(i, 1));
    case Act::insert: return b_.CreateInsertElement(operand(i, 0), operand(i, 1), operand(i, 2));
    case Act::load: return load(i);
    case Act::load_each: return load_each(i);
    case Act::tree: return tree(i);
    case Act::philox:
      return call(
          b_, philox_function(m_, i.type.lanes),
          {operand(i, 0), operand(i, 1), operand(i, 2), operand(i, 3), b_.getInt32(static_cast<u32>(i.number))});
    default: throw CompilerBug("an instruction without code in " + loops_.name);
    }
  }

  V compute(Inst const& i) {
    std::vector<V> operands;
    int n = operand_count(i);
    for (int k = 0; k < n; ++k) operands.push_back(operand(i, k));
    return emit_compute(m_, b_, i.op, type_of(i, n - 1).dtype, i.type, operands);
  }

  V bit_width(V v) {
    auto* type = v->getType();
    V zeros = b_.CreateBinaryIntrinsic(llvm::Intrinsic::ctlz, v, b_.getFalse());
    return b_.CreateSub(llvm::ConstantInt::get(type, type->getScalarSizeInBits()), zeros);
  }

  V lane_numbers(int lanes) {
    std::vector<u32> numbers;
    for (int k = 0; k < lanes; ++k) numbers.push_back(static_cast<u32>(k));
    if (lanes == 1) return b_.getInt32(0);
    return llvm::ConstantDataVector::get(context_, numbers);
  }

  // ---- memory: a bool takes a byte ---------------------------------------------------------------------------------

  llvm::Type* memory_type(Lanes t) {
    return llvm_type(context_, t.dtype == DType::bool_ ? Lanes{DType::u8, t.lanes} : t);
  }
  V in_memory(V v, Lanes t) { return t.dtype == DType::bool_ ? b_.CreateZExt(v, memory_type(t)) : v; }
  V from_memory(V v, Lanes t) {
    return t.dtype == DType::bool_ ? b_.CreateICmpNE(v, llvm::Constant::getNullValue(v->getType())) : v;
  }

  // A constant costs nothing behind the address of the rest of an index.
  V address(Inst const& i, DType d) {
    auto* element = memory_type({d, 1});
    auto const terms = depths_.terms(i.args[0], static_cast<int>(open_.size()));
    V at = terms.fixed.empty() || open_.empty() ? buffers_[static_cast<size_t>(i.number)]
                                                : in_front(element, i.number, terms.fixed);
    if (open_.empty() && !terms.fixed.empty()) at = b_.CreateInBoundsGEP(element, at, sum(terms.fixed));
    if (!terms.moving.empty()) at = b_.CreateInBoundsGEP(element, at, sum(terms.moving));
    if (terms.offset == 0) return at;
    return b_.CreateInBoundsGEP(element, at, b_.getInt64(static_cast<u64>(terms.offset)));
  }
  V sum(std::vector<Ref> const& terms) {
    V total = at(terms.front());
    for (size_t k = 1; k < terms.size(); ++k) total = b_.CreateAdd(total, at(terms[k]));
    return total;
  }
  // In front of the innermost loop, once for all that reads or writes from there on.
  V in_front(llvm::Type* element, i64 buffer, std::vector<Ref> const& fixed) {
    V& known = open_.back().addresses[{element, buffer, fixed}];
    if (known) return known;
    auto const here = b_.saveIP();
    b_.SetInsertPoint(open_.back().before);
    known = b_.CreateInBoundsGEP(element, buffers_[static_cast<size_t>(buffer)], sum(fixed));
    b_.restoreIP(here);
    return known;
  }
  llvm::Align align(DType d) { return llvm::Align(static_cast<u64>(bytes(d))); }

  V mask(Ref limit, int lanes) {
    V l = b_.CreateTrunc(at(limit), b_.getInt32Ty());
    return b_.CreateICmpSLT(lane_numbers(lanes), b_.CreateVectorSplat(static_cast<unsigned>(lanes), l));
  }
  std::optional<i64> known(Ref r) const {
    if (loops_[r].act != Act::constant) return {};
    return loops_[r].scalar.i;
  }

  V load(Inst const& i) {
    auto* type = memory_type(i.type);
    V from = address(i, i.type.dtype);
    Ref limit = i.args[1];
    if (limit == no_ref) return from_memory(b_.CreateAlignedLoad(type, from, align(i.type.dtype)), i.type);
    V nothing = llvm::Constant::getNullValue(type);
    auto lanes = known(limit);
    if (lanes && bytes(i.type.dtype) <= 2) { // there are no masked loads of bytes before AVX-512
      V v = nothing;
      for (i64 k = 0; k < *lanes; ++k) {
        V x = b_.CreateLoad(type->getScalarType(),
                            b_.CreateConstInBoundsGEP1_64(type->getScalarType(), from, static_cast<u64>(k)));
        v = b_.CreateInsertElement(v, x, static_cast<u64>(k));
      }
      return from_memory(v, i.type);
    }
    return from_memory(b_.CreateMaskedLoad(type, from, align(i.type.dtype), mask(limit, i.type.lanes), nothing),
                       i.type);
  }

  V load_each(Inst const& i) {
    auto* element = memory_type({i.type.dtype, 1});
    V from = address(i, i.type.dtype), offsets = operand(i, 1);
    if (i.type.lanes == 1)
      return from_memory(b_.CreateLoad(element, b_.CreateInBoundsGEP(element, from, offsets)), i.type);
    if (m_.machine.gathers && bytes(i.type.dtype) >= 4) {
      V addresses = b_.CreateInBoundsGEP(element, from, offsets);
      auto lanes = llvm::ElementCount::getFixed(static_cast<unsigned>(i.type.lanes));
      V all = llvm::ConstantVector::getSplat(lanes, b_.getTrue());
      return b_.CreateMaskedGather(memory_type(i.type), addresses, align(i.type.dtype), all);
    }
    V v = llvm::PoisonValue::get(memory_type(i.type));
    for (int k = 0; k < i.type.lanes; ++k) {
      V where = b_.CreateInBoundsGEP(element, from, b_.CreateExtractElement(offsets, static_cast<u64>(k)));
      v = b_.CreateInsertElement(v, b_.CreateLoad(element, where), static_cast<u64>(k));
    }
    return from_memory(v, i.type);
  }

  void store(Inst const& i) {
    V v = in_memory(operand(i, 1), i.type), to = address(i, i.type.dtype);
    Ref limit = i.args[2];
    if (limit == no_ref) {
      b_.CreateAlignedStore(v, to, align(i.type.dtype));
    } else if (auto lanes = known(limit)) {
      store_pieces(v, to, i.type.dtype, static_cast<int>(*lanes));
    } else {
      b_.CreateMaskedStore(v, to, align(i.type.dtype), mask(limit, i.type.lanes));
    }
  }

  // A masked store is slow on some processors; pieces of 8, 4, 2 and 1 lanes are not.
  void store_pieces(V v, V to, DType d, int lanes) {
    auto* element = memory_type({d, 1});
    for (int done = 0; done < lanes;) {
      int size = 1;
      while (done + 2 * size <= lanes) size *= 2;
      V where = b_.CreateConstInBoundsGEP1_64(element, to, static_cast<u64>(done));
      V piece;
      if (size == 1) {
        piece = b_.CreateExtractElement(v, static_cast<u64>(done));
      } else {
        std::vector<int> picked;
        for (int k = 0; k < size; ++k) picked.push_back(done + k);
        piece = b_.CreateShuffleVector(v, picked);
      }
      b_.CreateAlignedStore(piece, where, align(d));
      done += size;
    }
  }

  V tree(Inst const& i) {
    V v = operand(i, 0);
    int const lanes = type_of(i, 0).lanes;
    for (int w = lanes / 2; w > 1; w /= 2) {
      std::vector<int> low, high;
      for (int k = 0; k < w; ++k) low.push_back(k), high.push_back(w + k);
      v = emit_compute(m_, b_, i.op, i.type.dtype, {i.type.dtype, w},
                       {b_.CreateShuffleVector(v, low), b_.CreateShuffleVector(v, high)});
    }
    if (lanes == 1) return v;
    return emit_compute(m_, b_, i.op, i.type.dtype, i.type,
                        {b_.CreateExtractElement(v, u64{0}), b_.CreateExtractElement(v, u64{1})});
  }

  void count(Inst const& i) {
    V v = operand(i, 0), n;
    if (i.type.lanes == 1) {
      n = b_.CreateZExt(v, b_.getInt64Ty());
    } else {
      V packed = b_.CreateBitCast(v, b_.getIntNTy(static_cast<unsigned>(i.type.lanes)));
      n = b_.CreateZExtOrTrunc(b_.CreateUnaryIntrinsic(llvm::Intrinsic::ctpop, packed), b_.getInt64Ty());
    }
    V where = cell(counter_cells + i.number);
    b_.CreateStore(b_.CreateAdd(b_.CreateLoad(b_.getInt64Ty(), where), n), where);
  }

  EmitModule& m_;
  llvm::LLVMContext& context_;
  Emitter b_;
  Loops const& loops_;
  IndexDepths depths_;
  struct OpenLoop {
    llvm::Instruction* before; // the branch into it
    std::map<std::tuple<llvm::Type*, i64, std::vector<Ref>>, V> addresses;
  };
  std::vector<OpenLoop> open_; // the innermost last
  llvm::Function* function_ = nullptr;
  V frame_ = nullptr, parameters_ = nullptr, scratch_ = nullptr;
  std::vector<V> buffers_;
  std::vector<V> values_;
};

} // namespace

llvm::Type* llvm_type(llvm::LLVMContext& c, Lanes t) {
  auto* e = element_type(c, t.dtype);
  return t.lanes == 1 ? e : llvm::FixedVectorType::get(e, static_cast<unsigned>(t.lanes));
}

llvm::Function* kernel_function(EmitModule& m, std::string const& name) {
  if (auto* known = m.module.getFunction(name)) return known;
  auto& context = m.module.getContext();
  auto* pointer = llvm::PointerType::getUnqual(context);
  auto* type = llvm::FunctionType::get(llvm::Type::getVoidTy(context), {pointer, pointer, pointer}, false);
  auto* f = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, m.module);
  call_inside(*f);
  return f;
}

void decorate(llvm::Function& f) {
  f.addFnAttr(llvm::Attribute::NoUnwind);
  f.addFnAttr("denormal-fp-math", "preserve-sign,preserve-sign");
  f.addFnAttr("min-legal-vector-width", "512"); // vectors stay as wide as they are written
  f.addFnAttr("no-builtins");
  if (!f.hasLocalLinkage()) f.setVisibility(llvm::GlobalValue::HiddenVisibility);
}

llvm::Function* function_once(EmitModule& m, std::string const& name, llvm::FunctionType* type,
                              std::function<V(Emitter&, llvm::Function&)> const& body) {
  if (auto* f = m.module.getFunction(name)) return f;
  auto* f = llvm::Function::Create(type, llvm::Function::InternalLinkage, name, m.module);
  decorate(*f);
  call_inside(*f);
  f->addFnAttr(llvm::Attribute::NoInline);
  Emitter b(llvm::BasicBlock::Create(m.module.getContext(), "", f));
  b.CreateRet(body(b, *f));
  return f;
}

void call_inside(llvm::Function& f) {
  llvm::Triple const triple(f.getParent()->getTargetTriple());
  if (triple.isOSWindows() && triple.isX86()) f.setCallingConv(llvm::CallingConv::X86_64_SysV);
}

llvm::CallInst* call(Emitter& b, llvm::Function* f, std::vector<V> const& arguments) {
  auto* made = b.CreateCall(f, arguments);
  made->setCallingConv(f->getCallingConv());
  return made;
}

void compile_fast(llvm::Function& f) {
  f.addFnAttr(llvm::Attribute::OptimizeNone);
  f.addFnAttr(llvm::Attribute::NoInline);
}

void emit_kernel(EmitModule& m, Loops const& loops) { KernelEmitter(m, loops).emit(); }

} // namespace nnc
