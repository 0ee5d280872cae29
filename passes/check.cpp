// Evaluates before and after, and compares bit by bit.
#include "passes/check.h"

#include "ir/evaluate.h"
#include "ir/random.h"
#include "ir/text.h"
#include "ir/walk.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>

namespace nnc {
namespace {

constexpr i64 drawn_batch = 3;    // not a divisor of anything that blocks or pads
constexpr i64 drawn_examples = 3; // rows are 0, 1, 2 in order, so that a gathered batch is the column itself

u64 hash(std::string_view s) {
  u64 h = 14695981039346656037U;
  for (char c : s) h = (h ^ static_cast<u8>(c)) * 1099511628211U;
  return h;
}

class Draw {
public:
  Draw(u64 seed, std::string_view what) : key_(philox_key(seed)), what_(hash(what)) {}
  f64 uniform() { return word() * 0x1p-32; } // [0, 1)
  i64 below(i64 n) { return static_cast<i64>(word() % static_cast<u64>(n)); }

private:
  u32 word() {
    auto n = count_++;
    if (n % 4 == 0) words_ = philox({n / 4, 0, static_cast<u32>(what_), static_cast<u32>(what_ >> 32)}, key_);
    return words_[n % 4];
  }
  PhiloxKey key_;
  u64 what_;
  u32 count_ = 0;
  std::array<u32, 4> words_{};
};

Bindings bound(Module const& m) {
  auto b = m.bindings;
  auto& batch = b[static_cast<size_t>(Symbol::batch)];
  if (!batch) batch = drawn_batch;
  auto& examples = b[static_cast<size_t>(Symbol::examples)];
  if (!examples) examples = std::max(*batch * (m.training ? m.training->accumulate : 1), drawn_examples);
  return b;
}

// A copy whose every extent is known, also where no input shows it.
Module with_extents(Module m) {
  m.bindings = bound(m);
  return m;
}

// A moment of an optimizer may be a square; everything else takes both signs.
f64 draw_float(Draw& draw, Role role) {
  f64 x = draw.uniform();
  return role == Role::optimizer || role == Role::scalar ? 0.5 * x + 0.125 : 2 * x - 1;
}

Tensor draw_tensor(Module const& m, Type const& type, Role role, std::string const& name, u64 seed) {
  std::vector<i64> shape;
  auto const bindings = bound(m);
  for (auto const& d : type.shape) shape.push_back(d.value(bindings));
  auto t = Tensor::zeros(type.dtype, shape);
  // A column is drawn like the batch that it becomes.
  Draw draw(seed, name);
  for (auto& x : t.f) x = round_to(type.dtype, draw_float(draw, role));
  i64 const range = type.dtype == DType::bool_ ? 2 : 6;
  for (size_t i = 0; i < t.i.size(); ++i)
    t.i[i] = role == Role::rows                         ? static_cast<i64>(i)
             : role == Role::step || role == Role::seed ? 3
                                                        : draw.below(range);
  return t;
}

bool same_number(f64 a, f64 b, f64 tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (tolerance == 0) return a == b && std::signbit(a) == std::signbit(b);
  return a == b || std::fabs(a - b) <= tolerance * (1 + std::fabs(a) + std::fabs(b));
}

// Beyond Evaluation::all_elements a `grad` node gives the slope along one direction, times that direction: compare the
// slopes.
bool same_along_direction(Tensor const& a, Tensor const& b, f64 tolerance) {
  f64 length = 0, along = 0;
  for (size_t i = 0; i < a.f.size(); ++i) {
    length += a.f[i] * a.f[i];
    along += a.f[i] * b.f[i];
  }
  length = std::sqrt(length);
  return length == 0 || same_number(length, along / length, tolerance);
}

std::optional<std::string> differs(Tensor const& a, Tensor const& b, f64 tolerance) {
  if (a.dtype != b.dtype || a.shape != b.shape) return "its type";
  if (tolerance > 0 && a.size() > Evaluation{}.all_elements)
    return same_along_direction(a, b, tolerance) ? std::nullopt
                                                 : std::optional<std::string>("its slope along a direction");
  for (size_t i = 0; i < a.f.size(); ++i)
    if (!same_number(a.f[i], b.f[i], tolerance)) return fmt::format("element {}: {} became {}", i, a.f[i], b.f[i]);
  for (size_t i = 0; i < a.i.size(); ++i)
    if (a.i[i] != b.i[i]) return fmt::format("element {}: {} became {}", i, a.i[i], b.i[i]);
  return {};
}

bool is_large(Module const& m, Function const& f, ValueId v) {
  return element_count(f.type(v).shape).value(m.bindings) > Evaluation{}.all_elements;
}

// Which values follow from a `grad` that is measured along one direction only, by more than being it: the length of
// that gradient, say, is not the length of the whole. Nothing can be said about them, nor where a derivative of a
// function's own needs that of large values whole, or is derived once more.
std::vector<bool> unknown_values(Module const& m, Function const& f) {
  std::vector<bool> measured(f.values.size(), false), unknown(f.values.size(), false), derived(f.values.size(), false);
  bool own = false, large_own = false; // derivatives of functions' own so far
  each_node(f.body.nodes, [&](Node const& n) {
    auto reads = [&](auto const& of) {
      bool any = false;
      each_read(n, [&](ValueId v) { any |= of[v]; });
      return any;
    };
    bool const is_grad = n.op == OpCode::grad, again = is_grad && reads(derived);
    bool const follows = reads(measured) || reads(unknown) || (is_grad && large_own) || (again && own);
    bool const of_grad = is_grad || reads(derived);
    for (auto v : n.results) {
      unknown[v] = follows;
      measured[v] = is_grad && is_large(m, f, v);
      derived[v] = of_grad;
    }
    own |= n.op == OpCode::with_gradient;
    large_own |= n.op == OpCode::with_gradient && is_large(m, f, n.result());
  });
  return unknown;
}

// The results of which something can be said.
Results evaluated(Module const& m, Function const& f, std::vector<Tensor> const& inputs) {
  Evaluation how;
  how.in_slots = !f.slots.empty() || f.locals > 0;
  auto tensors = evaluate(m, f, inputs, how);
  auto const unknown = unknown_values(m, f);
  Results results;
  for (size_t i = 0; i < tensors.size(); ++i)
    if (!unknown[f.results[i].value]) results[{f.results[i].name, f.results[i].role}] = std::move(tensors[i]);
  return results;
}

// What @train_step is made of, one function after the other.
Results loss_and_updates(Module const& m, Results const& all, u64 seed, size_t phase) {
  Results out;
  auto const prefix = of_phase("update", phase) + ".";
  auto const outside = [&](std::string const& name, Role role, std::string const& path) {
    return role == Role::param       ? path
           : role == Role::optimizer ? optimizer_state(name, path, phase)
           : role == Role::state     ? average_of(path)
                                     : name;
  };
  for (auto const& [key, t] : all)
    if (key.second != Role::gradient) out[key] = t;
  for (auto const& update : m.functions) {
    if (!update.name.starts_with(prefix)) continue;
    auto const path = update.name.substr(prefix.size());
    auto gradient = all.find({path, Role::gradient});
    if (gradient == all.end()) continue;
    std::vector<Tensor> inputs;
    for (auto const& a : update.arguments) {
      auto const& v = update.values[a.value];
      auto const name = outside(v.name, a.role, path);
      inputs.push_back(a.role == Role::gradient ? gradient->second : draw_tensor(m, v.type, a.role, name, seed));
    }
    for (auto& [key, t] : evaluated(m, update, inputs)) out[{outside(key.first, key.second, path), key.second}] = t;
  }
  return out;
}

std::optional<std::string> compare(Results const& a, Results const& b, f64 tolerance, std::string const& function) {
  for (auto const& [key, t] : a) {
    auto it = b.find(key);
    if (it == b.end()) return fmt::format("result {} of @{} is gone", key.first, function);
    if (auto what = differs(t, it->second, tolerance))
      return fmt::format("result {} of @{}, {}", key.first, function, *what);
  }
  return {};
}

} // namespace

std::vector<Tensor> random_inputs(Module const& m, Function const& f, u64 seed) {
  std::vector<Tensor> inputs;
  for (auto const& a : f.arguments)
    inputs.push_back(draw_tensor(m, f.type(a.value), a.role, f.values[a.value].name, seed));
  return inputs;
}

Check::Check(Module const& first, u64 seed)
    : seed_(seed), module_(with_extents(first)), text_(print(first)), known_(all_of(module_)) {}

std::map<std::string, Results> Check::all_of(Module const& m) const {
  std::map<std::string, Results> all;
  for (auto const& f : m.functions) all[f.name] = evaluated(m, f, random_inputs(m, f, seed_));
  return all;
}

std::optional<std::string> Check::difference(Module const& after, f64 tolerance) {
  auto text = print(after);
  if (text == text_) return {};
  auto bound_after = with_extents(after);
  auto now = all_of(bound_after);
  auto what = first_difference(bound_after, now, tolerance);
  module_ = std::move(bound_after);
  text_ = std::move(text);
  known_ = std::move(now);
  return what;
}

std::optional<std::string> Check::first_difference(Module const& after, std::map<std::string, Results> const& now,
                                                   f64 tolerance) const {
  auto const losses = [&](std::string const& step) -> std::optional<Results> { // and updates, if this step joins some
    for (size_t k = 0; known_.contains(of_phase("loss", k)); ++k)
      if (of_phase("train_step", k) == step) return loss_and_updates(module_, known_.at(of_phase("loss", k)), seed_, k);
    return {};
  };
  for (auto const& f : after.functions) {
    std::optional<std::string> what;
    auto const old = known_.find(f.name);
    if (old != known_.end()) what = compare(old->second, now.at(f.name), tolerance, f.name);
    else if (f.parts > 1) continue; // a loss of more rows, or of several parts
    else if (auto const made_of = losses(f.name)) what = compare(*made_of, now.at(f.name), tolerance, f.name);
    if (what) return what;
  }
  return {};
}

} // namespace nnc
