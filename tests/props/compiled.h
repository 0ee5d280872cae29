// A module compiled through the whole pipeline, and called on tensors of the evaluator.
#pragma once

#include "codegen/codegen.h"
#include "ir/memory.h"
#include "ir/tensor.h"
#include "passes/pass.h"
#include "passes/rewrite.h"
#include "tests/elements.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace nnc::props {

// The bytes of a tensor as the kernels see them, with guards before and behind that nobody may write.
class Buffer {
public:
  static constexpr size_t guard = 256;
  static constexpr u8 guard_byte = 0xA5;

  explicit Buffer(size_t size) : size_(size), bytes_(size + 2 * guard + 64, guard_byte) {}
  u8* data() { return bytes_.data() + start(); }
  bool intact() const {
    size_t begin = start();
    auto all = [&](size_t from, size_t to) {
      return std::all_of(bytes_.begin() + static_cast<std::ptrdiff_t>(from),
                         bytes_.begin() + static_cast<std::ptrdiff_t>(to), [](u8 b) { return b == guard_byte; });
    };
    return all(0, begin) && all(begin + size_, bytes_.size());
  }

private:
  size_t start() const { // 64-byte aligned, at least `guard` bytes in
    auto address = reinterpret_cast<uintptr_t>(bytes_.data()) + guard;
    return guard + (64 - address % 64) % 64;
  }
  size_t size_;
  std::vector<u8> bytes_;
};

struct Outcome {
  std::vector<Tensor> results;
  i64 clamped = 0, zero_divided = 0;
};

class Compiled {
public:
  // `cpu` empty: the machine that this runs on.
  explicit Compiled(Module m, std::string const& cpu = "", PassOptions const& options = {}) {
    PassContext context;
    context.target = cpu.empty() ? host_target() : target_for(cpu);
    m.target = context.target;
    finished = run_passes(std::move(m), options, context);
    load_code();
  }
  struct Finished {}; // no pass is run
  Compiled(Module m, Finished) : finished(std::move(m)) { load_code(); }

  // Runs the first function, one step, with a team of this many threads. The barriers spin, so a team larger than the
  // machine takes its time.
  Outcome call(std::vector<Tensor> const& inputs, int threads = 1) {
    Function const& f = finished.functions.front();
    Bindings bindings = finished.bindings;
    for (size_t i = 0; i < inputs.size(); ++i)
      for (size_t axis = 0; axis < inputs[i].shape.size(); ++axis)
        for (size_t s = 0; s < symbol_count; ++s)
          if (f.type(f.arguments[i].value).shape[axis] == Dim(static_cast<Symbol>(s)))
            bindings[s] = inputs[i].shape[axis];
    for (auto& b : bindings) b = b.value_or(3);
    nnc_context c{};
    i64 step = 1;
    std::vector<Buffer> buffers; // arguments, then results
    std::vector<void const*> arguments;
    std::vector<f64> scalars;
    buffers.reserve(f.arguments.size() + f.results.size() + 1);
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (f.arguments[i].role == Role::scalar) {
        scalars.push_back(inputs[i].f[0]);
        arguments.push_back(nullptr);
        continue;
      }
      if (f.arguments[i].role == Role::seed) c.seed = inputs[i].i[0];
      if (f.arguments[i].role == Role::step) step = inputs[i].i[0];
      buffers.emplace_back(static_cast<size_t>(inputs[i].size() * bytes(inputs[i].dtype)));
      test::write_elements(inputs[i], buffers.back().data());
      arguments.push_back(buffers.back().data());
      if (f.arguments[i].role == Role::rows) c.rows = reinterpret_cast<i32 const*>(buffers.back().data());
    }
    Outcome out;
    std::vector<void*> results;
    auto const all_replaced = f.replaced_arguments();
    for (size_t i = 0; i < f.results.size(); ++i) {
      Type t = f.type(f.results[i].value);
      for (auto& d : t.shape) d = d.value(bindings);
      out.results.push_back(Tensor::zeros(t.dtype, extents_of(t)));
      if (auto replaced = all_replaced[i]) { // updated in place
        results.push_back(const_cast<void*>(arguments[*replaced]));
        continue;
      }
      buffers.emplace_back(static_cast<size_t>(out.results.back().size() * bytes(t.dtype)));
      results.push_back(buffers.back().data());
    }
    auto const arena = static_cast<size_t>(arena_bytes(f, *bindings[0], threads).value());
    buffers.emplace_back(arena);
    std::memset(buffers.back().data(), 0xFF, arena); // NaN: what is read before it is written shows

    nnc_report report{};
    std::vector<f64> sums(f.results.size()), last(f.results.size()); // of losses and metrics
    report.sums = sums.data();
    report.last = last.data();
    nnc_barrier barrier{};
    c.version = NNC_ABI_VERSION;
    c.threads = threads;
    c.arguments = const_cast<void* const*>(reinterpret_cast<void const* const*>(arguments.data()));
    c.results = results.data();
    c.arena = buffers.back().data();
    c.scalars = scalars.data();
    c.batch = *bindings[0];
    c.examples = *bindings[1];
    c.report = &report;
    c.barrier = &barrier;
    c.wait = [](nnc_context*, int32_t) { std::this_thread::sleep_for(std::chrono::microseconds(20)); };
    c.wake = [](nnc_context*) {};
    std::vector<std::thread> team;
    for (int t = 1; t < threads; ++t) team.emplace_back([&, t] { entry_(&c, t, step, 1); });
    entry_(&c, 0, step, 1);
    for (auto& member : team) member.join();

    for (auto const& buffer : buffers)
      if (!buffer.intact()) throw std::logic_error("generated code has written outside of its buffers");
    for (size_t i = 0; i < results.size(); ++i) test::read_elements(out.results[i], static_cast<u8 const*>(results[i]));
    size_t reported = 0;
    for (size_t i = 0; i < results.size(); ++i)
      if (auto role = f.results[i].role; role == Role::loss || role == Role::metric) {
        auto& t = out.results[i];
        f64 const value = last[reported++];
        if (is_float(t.dtype)) t.f[0] = value;
        else t.i[0] = static_cast<i64>(value);
      }
    out.clamped = report.clamped;
    out.zero_divided = report.zero_divided;
    return out;
  }

  Module finished;

private:
  void load_code() {
    object_ = compile(finished, {.threads = 1});
    loaded_ = load(object_);
    entry_ = loaded_->entry(finished.functions.front().name);
    if (!entry_) throw std::logic_error("no entry");
  }

  Object object_;
  std::unique_ptr<Loaded> loaded_;
  nnc_entry entry_ = nullptr;
};

} // namespace nnc::props
