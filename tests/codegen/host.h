// A host for compiled functions: tensors in, tensors out, any number of threads; and the same for the loops'
// interpreter.
#pragma once

#include "codegen/codegen.h"
#include "codegen/lower/lower.h"
#include "ir/evaluate.h"
#include "ir/memory.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "tests/elements.h"

#include <doctest/doctest.h>

#include <cstring>
#include <immintrin.h>
#include <thread>

namespace nnc::host {

inline Module parsed(std::string const& text) {
  auto p = parse_ir("test.ir", text);
  REQUIRE_MESSAGE(!has_errors(p.diagnostics), render(p.diagnostics, *p.module.sources));
  return p.module;
}

// The whole pipeline for this target.
inline Module finished(Module m, Target const& target) {
  m.target = target;
  PassContext context;
  context.target = target;
  return run_passes(std::move(m), {}, context);
}

// Vectors of this width whatever the processor has; LLVM splits them.
inline Target with_vectors(i64 bytes) {
  Target t = host_target();
  t.vector_bytes = bytes;
  return t;
}

using Bytes = std::vector<u8>;

inline Bytes packed(Tensor const& t) {
  Bytes out(static_cast<size_t>(t.size() * bytes(t.dtype)));
  test::write_elements(t, out.data());
  return out;
}

inline Tensor unpacked(DType d, std::vector<i64> shape, u8 const* from) {
  Tensor t = Tensor::zeros(d, std::move(shape));
  test::read_elements(t, from);
  return t;
}

struct Ran {
  std::vector<Bytes> results; // one per result; empty for reports
  std::vector<f64> sums, last;
  nnc_report report{};
};

// Everything that a call needs in memory. Unused bytes around the results are checked to be left alone.
class Call {
public:
  Call(Module const& m, Function const& f, std::vector<Tensor> const& inputs, i64 batch, int threads)
      : f_(f), storage_(f) {
    Bindings bound = bindings_of(m, f, inputs);
    i64 examples = bound[static_cast<size_t>(Symbol::examples)].value_or(0);
    batch = bound[static_cast<size_t>(Symbol::batch)].value_or(batch);
    bound[static_cast<size_t>(Symbol::batch)] = batch;
    context.version = NNC_ABI_VERSION;
    for (size_t i = 0; i < f.arguments.size(); ++i) add_argument(f.arguments[i], inputs[i]);
    for (auto const& r : f.results) add_result(r, bound);
    for (auto const& a : arguments_) argument_pointers_.push_back(const_cast<u8*>(a.data()));
    for (size_t i = 0; i < f.results.size(); ++i) result_pointers_.push_back(result_memory(i));
    ran.sums.assign(f.results.size(), 0);
    ran.last.assign(f.results.size(), 0);
    ran.report.sums = ran.sums.data();
    ran.report.last = ran.last.data();
    context.threads = threads;
    make_arena(batch);
    context.arguments = argument_pointers_.data();
    context.results = result_pointers_.data();
    context.scalars = scalars_.data();
    context.rows = reinterpret_cast<i32 const*>(rows_.data());
    context.batch = batch;
    context.examples = examples;
    context.report = &ran.report;
    context.barrier = &barrier_;
    context.wait = [](nnc_context*, int32_t) { std::this_thread::yield(); };
    context.wake = [](nnc_context*) {};
  }

  Ran compiled(nnc_entry entry, i64 step = 1, i64 steps = 1) {
    std::vector<std::thread> members;
    for (int t = 1; t < context.threads; ++t) members.emplace_back([&, t] { entry(&context, t, step, steps); });
    entry(&context, 0, step, steps);
    for (auto& t : members) t.join();
    return collected();
  }

  // One step: every kernel for all threads, one after the other.
  Ran interpreted(Target const& target, i64 step = 1) {
    unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | 0x8040);
    std::vector<std::vector<i64>> frames;
    for (int t = 0; t < context.threads; ++t) frames.push_back(frame(t, step));
    for (auto const& n : f_.body.nodes) {
      if (n.op != OpCode::kernel) continue;
      Loops loops = lower(storage_, n, target, "kernel");
      REQUIRE(verify(loops).empty());
      for (auto& fr : frames) interpret(loops, fr.data());
    }
    _mm_setcsr(mode);
    for (auto& fr : frames) {
      ran.report.clamped += fr[Frame::counters];
      ran.report.zero_divided += fr[Frame::counters + 1];
    }
    return collected();
  }

  nnc_context context{};
  Ran ran;

private:
  static constexpr size_t guard = 64;

  void add_argument(Argument const& a, Tensor const& t) {
    arguments_.push_back(packed(t));
    if (a.role == Role::scalar) scalars_.push_back(t.f[0]);
    if (a.role == Role::rows) rows_ = arguments_.back();
    if (a.role == Role::seed) context.seed = t.i[0];
  }

  void add_result(Result const& r, Bindings const& bound) {
    i64 size = bytes(f_.type(r.value).dtype);
    for (auto const& d : f_.type(r.value).shape) size *= d.value(bound);
    sizes_.push_back(static_cast<size_t>(size));
    results_.emplace_back(static_cast<size_t>(size) + 2 * guard, u8{0xA5});
  }

  u8* result_memory(size_t i) {
    auto const& place = storage_.places[f_.results[i].value];
    if (place && place->kind == Place::Kind::argument) return arguments_[static_cast<size_t>(place->index)].data();
    return results_[i].data() + guard;
  }

  void make_arena(i64 batch) {
    arena_.assign(static_cast<size_t>(arena_bytes(f_, batch, context.threads).value()) + 64, 0xFF); // NaN
    auto at = reinterpret_cast<uintptr_t>(arena_.data());
    context.arena = reinterpret_cast<void*>((at + 63) / 64 * 64);
  }

  std::vector<i64> frame(int thread, i64 step) {
    auto const& fr = storage_.frame;
    std::vector<i64> cells(static_cast<size_t>(fr.size), 0);
    auto set = [&](i64 cell, i64 value) { cells[static_cast<size_t>(cell)] = value; };
    auto pointer = [](void const* p) { return static_cast<i64>(reinterpret_cast<intptr_t>(p)); };
    set(Frame::thread, thread), set(Frame::threads, context.threads), set(Frame::batch, context.batch);
    set(Frame::padded_batch, (context.batch + row_padding - 1) / row_padding * row_padding),
        set(Frame::examples, context.examples);
    set(Frame::seed, context.seed), set(Frame::step, step), set(Frame::rows, pointer(context.rows));
    for (size_t i = 0; i < scalars_.size(); ++i)
      std::memcpy(&cells[static_cast<size_t>(fr.scalars) + i], &scalars_[i], 8);
    for (size_t i = 0; i < argument_pointers_.size(); ++i)
      set(fr.arguments + static_cast<i64>(i), pointer(argument_pointers_[i]));
    for (size_t i = 0; i < result_pointers_.size(); ++i)
      set(fr.results + static_cast<i64>(i), pointer(result_pointers_[i]));
    Bindings padded;
    padded[static_cast<size_t>(Symbol::batch)] = (context.batch + row_padding - 1) / row_padding * row_padding;
    i64 at = pointer(context.arena);
    for (size_t i = 0; i < f_.slots.size(); ++i) {
      set(fr.slots + static_cast<i64>(i), at);
      at += (f_.slots[i].value(padded) + 63) / 64 * 64;
    }
    return cells;
  }

  Ran collected() {
    for (size_t i = 0; i < results_.size(); ++i) {
      auto const* from = static_cast<u8 const*>(result_pointers_[i]);
      ran.results.emplace_back(from, from + sizes_[i]);
      for (size_t k = 0; k < guard; ++k) {
        REQUIRE(results_[i][k] == 0xA5);
        REQUIRE(results_[i][results_[i].size() - 1 - k] == 0xA5);
      }
    }
    return ran;
  }

  Function const& f_;
  Storage storage_;
  std::vector<Bytes> arguments_, results_;
  Bytes rows_, arena_;
  std::vector<size_t> sizes_;
  std::vector<f64> scalars_;
  std::vector<void*> argument_pointers_, result_pointers_;
  nnc_barrier barrier_{};
};

} // namespace nnc::host
