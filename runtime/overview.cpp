// A program in numbers: its calls, what is in memory, what can be set.
#include "ir/memory.h"
#include "ir/op.h"
#include "ir/walk.h"
#include "runtime/failure.h"
#include "runtime/program.h"
#include "runtime/walk.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

namespace nnc {
namespace {

Position position(Sources const& sources, Location at) {
  return at ? Position{sources.name(at.file), at.line, at.column} : Position{};
}

i64 bytes_of(Type const& type, Bindings const& extents) {
  return element_count(type.shape).value(extents) * bytes(type.dtype);
}

Bindings extents_of(Module const& module, i64 batch) {
  Bindings extents = module.bindings;
  for (auto const symbol : {Symbol::batch, Symbol::examples}) {
    auto& extent = extents[static_cast<size_t>(symbol)];
    if (!extent) extent = batch;
  }
  return extents;
}

Function const* main_function(Module const& module) {
  for (auto const* name : {"train_step", "run", "evaluate"})
    if (auto const* function = module.function(name)) return function;
  return nullptr;
}

class Memory {
public:
  Memory(CompiledProgram const& program, i64 batch) : program_(program), batch_(batch) {}

  std::vector<Holder> all() {
    auto const* function = main_function(program_.module());
    if (auto const* initialize = program_.module().function("initialize"))
      for (auto const& r : initialize->results) add_kept(*initialize, r);
    if (function) add_arena(*function);
    std::stable_sort(holders_.begin(), holders_.end(), [](auto const& a, auto const& b) { return a.bytes > b.bytes; });
    return std::move(holders_);
  }

private:
  void add(std::string kind, std::string name, Type const& type, i64 bytes, Location at) {
    holders_.push_back({std::move(kind), std::move(name), type.text(), bytes, position(program_.sources(), at), {}});
  }

  void add_kept(Function const& f, Result const& r) {
    auto const& type = f.type(r.value);
    auto const* const kind = r.role == Role::param ? "parameter" : r.role == Role::state ? "state" : "optimizer";
    add(kind, r.name, type, bytes_of(type, extents_of(program_.module(), batch_)), declared_at(r.name));
  }

  // Where the user declared it.
  Location declared_at(std::string const& name) const {
    for (auto const& f : program_.module().functions)
      for (auto const& a : f.arguments)
        if (f.values[a.value].name == name && f.values[a.value].at) return f.values[a.value].at;
    return {};
  }

  // A slot is as large as the largest value that is ever in it.
  void add_arena(Function const& f) {
    i64 const part = batch_ / f.parts, rows = (part + row_padding - 1) / row_padding * row_padding;
    auto const extents = extents_of(program_.module(), rows);
    std::map<i64, std::vector<ValueId>> in_slot;
    each_node(f.body.nodes, [&](Node const& n) {
      if (!n.kernel || !n.kernel->places) return;
      auto const& places = *n.kernel->places;
      for (size_t i = 0; i < places.size() && i < n.results.size(); ++i)
        if (places[i].kind == Place::Kind::slot) in_slot[places[i].index].push_back(n.results[i]);
    });
    for (size_t i = 0; i < f.slots.size(); ++i) {
      i64 const bytes = (f.slots[i].value(extents) + 63) / 64 * 64;
      auto values = in_slot[static_cast<i64>(i)];
      std::stable_sort(values.begin(), values.end(), [&](ValueId a, ValueId b) {
        return bytes_of(f.type(a), extents) > bytes_of(f.type(b), extents);
      });
      if (values.empty()) {
        holders_.push_back({"value", "of a loop", "", bytes, {}, {}});
        continue;
      }
      auto const& largest = f.values[values.front()];
      auto const* node = made_by(f, values.front());
      add("value", called(f, values.front()), largest.type, bytes, largest.at || !node ? largest.at : node->at);
      for (size_t k = 1; k < values.size(); ++k) holders_.back().also.push_back(called(f, values[k]));
    }
    if (auto const scratch = bytes_of_part(f); scratch > 0)
      holders_.push_back({"scratch", "of each thread", "", scratch, {}, {}});
  }

  // The node of a kernel, or the loop, that gives a value.
  static Node const* made_by(Function const& f, ValueId v) {
    Node const* made = nullptr;
    each_node(f.body.nodes, [&](Node const& n) {
      if (!made && std::find(n.results.begin(), n.results.end(), v) != n.results.end()) made = &n;
    });
    return made;
  }

  // By its name, or by the operator that gives it.
  static std::string called(Function const& f, ValueId v) {
    auto const* node = f.values[v].name.empty() ? made_by(f, v) : nullptr;
    return node ? fmt::format("({})", info(node->op).name) : f.values[v].name;
  }

  CompiledProgram const& program_;
  i64 batch_;
  std::vector<Holder> holders_;
};

std::vector<std::pair<std::string, std::string>> settings_of(Training const& t) {
  std::vector<std::pair<std::string, std::string>> out{{"batch", std::to_string(t.batch)}};
  if (t.accumulate > 1) out.emplace_back("accumulate", std::to_string(t.accumulate));
  if (t.steps > 0) out.emplace_back("steps", std::to_string(t.steps));
  else out.emplace_back("epochs", std::to_string(t.epochs));
  out.emplace_back("seed", std::to_string(t.seed));
  out.emplace_back("validation", std::to_string(t.validation));
  auto const blank = t.order.find(' '); // "sample COLUMN"
  out.emplace_back(blank == std::string::npos ? "order" : t.order.substr(0, blank),
                   fmt::format("\"{}\"", blank == std::string::npos ? t.order : t.order.substr(blank + 1)));
  out.emplace_back("drop_last", t.drop_last ? "true" : "false");
  return out;
}

// The elements of parameters and states, by path.
struct Kept {
  std::string path;
  i64 elements = 0;
  bool is_state = false, trained = false;
};

std::vector<Kept> kept_of(Module const& module, std::set<std::string> const& trained) {
  std::vector<Kept> out;
  if (auto const* initialize = module.function("initialize"))
    for (auto const& r : initialize->results)
      if (r.role == Role::param || r.role == Role::state)
        out.push_back({r.name, element_count(initialize->type(r.value).shape).constant().value_or(0),
                       r.role == Role::state, trained.contains(r.name)});
  return out;
}

Layer layer_of(CalledFunction const& called, std::vector<Kept> const& kept, Sources const& sources) {
  Layer out{.path = called.path,
            .function = called.function,
            .depth = called.depth,
            .types = {},
            .flops = called.flops,
            .at = position(sources, called.at)};
  for (auto const& type : called.results) out.types.push_back(type.text());
  if (called.shared) return out;
  for (auto const& k : kept) {
    if (!k.path.starts_with(called.path + ".")) continue;
    (k.is_state ? out.states : out.parameters) += k.elements;
    if (k.trained) out.trained += k.elements;
  }
  return out;
}

} // namespace

inline namespace v1 {

std::vector<Choice> Program::choices(std::string const& text, std::string const& name) {
  Sources sources;
  auto const inventory = take_inventory(sources, sources.add(name, text));
  std::vector<Choice> out;
  if (has_errors(inventory.diagnostics)) return out;
  for (auto const& t : inventory.trains)
    out.push_back({t.tag.empty() ? t.model : t.tag, t.model, true, position(sources, t.at)});
  for (auto const& m : inventory.models)
    if (std::none_of(inventory.trains.begin(), inventory.trains.end(),
                     [&](auto const& t) { return t.model == m.name; }))
      out.push_back({m.name, m.name, false, position(sources, m.at)});
  return out;
}

Overview Program::overview() const {
  return guarded(*compiled_, [&] {
    auto const& module = compiled_->module();
    Overview out;
    std::set<std::string> trained;
    for (auto const& phase : module.training ? module.training->phases : std::vector<Phase>{})
      for (auto const& clause : phase.minimize) trained.insert(clause.parameters.begin(), clause.parameters.end());
    out.trained.assign(trained.begin(), trained.end());
    if (auto const* evaluate = module.function("evaluate"))
      for (auto const& r : evaluate->results)
        if (is_report(r.role) || r.role == Role::table)
          (r.role == Role::loss ? out.losses : out.metrics).push_back(r.name);
    auto const kept = kept_of(module, trained);
    for (auto const& called : compiled_->calls()) out.calls.push_back(layer_of(called, kept, compiled_->sources()));
    out.flops = compiled_->flops();
    if (auto const* initialize = module.function("initialize"))
      for (auto const& r : initialize->results)
        if (r.role == Role::state) out.states.push_back(info_of(r.name, initialize->type(r.value)));
    out.memory = Memory(*compiled_, batch()).all();
    if (module.training) out.settings = settings_of(*module.training);
    return out;
  });
}

} // namespace v1
} // namespace nnc
