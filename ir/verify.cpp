#include "ir/verify.h"

#include "ir/host.h"
#include "ir/op.h"
#include "ir/ops/rules.h"
#include "ir/scan.h"
#include "ir/verify/parts.h"
#include "ir/walk.h"

#include <algorithm>
#include <fmt/core.h>
#include <map>
#include <set>

namespace nnc {
namespace {

bool has_kind(AttributeValue const& v, AttributeKind k) {
  switch (k) {
  case AttributeKind::boolean: return std::holds_alternative<bool>(v);
  case AttributeKind::integer: return std::holds_alternative<i64>(v);
  case AttributeKind::number: return std::holds_alternative<f64>(v);
  case AttributeKind::string: return std::holds_alternative<std::string>(v);
  case AttributeKind::integers: return std::holds_alternative<std::vector<i64>>(v);
  case AttributeKind::dims: return std::holds_alternative<std::vector<Dim>>(v);
  case AttributeKind::order: return std::holds_alternative<Order>(v);
  case AttributeKind::places: return std::holds_alternative<std::vector<Place>>(v);
  }
  return false;
}

// One function. A value's state says where it may be read: `hidden` values are defined inside a kernel that is closed
// and does not give them.
class Verifier {
public:
  Verifier(Module const& m, Function const& f, std::vector<Diagnostic>& out)
      : module_(m), f_(f), out_(out), state_(f.values.size(), State::undefined), form_(f, complainer()) {}

  void run() {
    size_t const before = out_.size();
    for (ValueId v = 0; v < f_.values.size(); ++v) value(v);
    for (auto const& a : f_.arguments) argument(a);
    nodes(f_.body.nodes);
    for (auto const& r : f_.results) {
      if (r.value >= f_.values.size() || state_[r.value] != State::visible)
        complain({}, fmt::format("result {} is not defined at the end", r.name));
    }
    replaced_arguments();
    reports();
    if (out_.size() == before && has_kernels(f_)) verifying::verify_schedules(module_, f_, complainer());
    if (out_.size() == before && has_kernels(f_)) verifying::verify_memory(module_, f_, complainer());
    if (f_.name == "require") ranges();
  }

private:
  enum class State : u8 { undefined, visible, hidden };

  void complain(Location at, std::string message) {
    out_.push_back({.at = at ? at : f_.at, .message = fmt::format("@{}: {}", f_.name, message)});
  }
  verifying::Complain complainer() {
    return [this](Location at, std::string message) { complain(at, std::move(message)); };
  }
  std::string shown(ValueId v) const { return verifying::shown(f_, v); }

  void value(ValueId v) {
    auto const& type = f_.type(v);
    if (f_.values[v].constant) {
      state_[v] = State::visible;
      if (type.rank() != 0) complain(f_.values[v].at, "a literal has rank 0");
    }
    for (auto const& d : type.shape)
      if (!rules::never_negative(d))
        complain(f_.values[v].at, fmt::format("{} is {}: an extent may be less than none", shown(v), type.text()));
  }

  void argument(Argument const& a) {
    if (a.value >= f_.values.size()) return complain({}, "an argument has no value");
    define(a.value, f_.values[a.value].at);
    auto const& t = f_.type(a.value);
    auto must_be = [&](Type const& wanted) {
      if (t != wanted)
        complain(f_.values[a.value].at,
                 fmt::format("an argument of role {} is {}, not {}", name(a.role), wanted.text(), t.text()));
    };
    if (a.role == Role::scalar) must_be(scalar_of(DType::f64));
    if (a.role == Role::step || a.role == Role::seed) must_be(scalar_of(DType::i64));
    if (auto const bound = module_.bindings[static_cast<size_t>(Symbol::batch)];
        a.role == Role::rows && !(bound && t == Type{DType::i32, {f_.parts * *bound}}))
      must_be({DType::i32, {Dim(f_.parts) * Dim(Symbol::batch)}});
  }

  // @require gives truths about numbers that only tune, and numbers for their messages.
  void ranges() {
    for (auto const& a : f_.arguments)
      if (a.role != Role::scalar) complain({}, fmt::format("an argument of role {}, not scalar", name(a.role)));
    for (size_t i = 0; i < f_.results.size(); ++i) {
      auto const& r = f_.results[i];
      if (r.value >= f_.values.size()) continue;
      Type const& t = f_.type(r.value);
      if (t != scalar_of(DType::bool_) && (i == 0 || t != scalar_of(DType::f64)))
        complain(f_.values[r.value].at,
                 fmt::format("result {} is {}, not a bool, or a number behind one", i + 1, t.text()));
    }
  }

  // What a step reports is a number.
  void reports() {
    for (auto const& r : f_.results)
      if (is_report(r.role) && r.value < f_.values.size() && f_.type(r.value).rank() != 0)
        complain(f_.values[r.value].at,
                 fmt::format("the {} {} is {}, expected a number", name(r.role), r.name, f_.type(r.value).text()));
  }

  // What is kept has one name and one role. What a result replaces has its type, and is replaced once.
  void replaced_arguments() {
    std::map<std::pair<Role, std::string_view>, ValueId> kept;
    std::map<std::string_view, Role> roles;
    for (auto const& a : f_.arguments)
      if (a.value < f_.values.size() && is_kept(a.role)) {
        auto const& value = f_.values[a.value];
        kept.emplace(std::pair(a.role, std::string_view(value.name)), a.value);
        if (value.name.empty()) complain(value.at, fmt::format("an argument of role {} has no name", name(a.role)));
        else if (!roles.emplace(value.name, a.role).second)
          complain(value.at,
                   fmt::format("two arguments of role {} or the like are named {}", name(a.role), value.name));
      }
    std::set<std::pair<Role, std::string_view>> seen;
    for (auto const& r : f_.results) {
      if (!is_kept(r.role)) continue;
      if (auto it = roles.find(r.name); it != roles.end() && it->second != r.role)
        complain(r.value < f_.values.size() ? f_.values[r.value].at : f_.at,
                 fmt::format("{} is a {} as an argument and a {} as a result", r.name, name(it->second), name(r.role)));
      if (!seen.insert({r.role, r.name}).second)
        complain(r.value < f_.values.size() ? f_.values[r.value].at : Location{},
                 fmt::format("the {} {} is given twice", name(r.role), r.name));
      auto it = kept.find({r.role, r.name});
      if (it == kept.end() || r.value >= f_.values.size() || f_.type(it->second) == f_.type(r.value)) continue;
      complain(f_.values[r.value].at, fmt::format("the {} {} is {}, its new value {}", name(r.role), r.name,
                                                  f_.type(it->second).text(), f_.type(r.value).text()));
    }
  }

  void define(ValueId v, Location at) {
    if (v >= f_.values.size()) return complain(at, "a value that does not exist is defined");
    if (state_[v] != State::undefined) complain(at, fmt::format("{} is defined twice", shown(v)));
    state_[v] = State::visible;
  }

  void nodes(std::vector<Node> const& list) {
    for (auto const& n : list) {
      bool fine = true;
      for (auto v : n.operands)
        if (v >= f_.values.size() || state_[v] != State::visible) {
          complain(n.at, fmt::format("{} reads {} before it is defined", info(n.op).name, shown(v)));
          fine = false;
        }
      attributes(n);
      if (n.regions.size() != static_cast<size_t>(info(n.op).regions)) {
        complain(n.at,
                 fmt::format("{} has {} regions, found {}", info(n.op).name, info(n.op).regions, n.regions.size()));
        continue;
      }
      if (is_kernel(n)) {
        kernel(n);
        continue;
      }
      if (holds_scopes(n)) fine &= scopes(n);
      if (fine) types(n);
      for (auto v : n.results) define(v, n.at);
    }
  }

  void attributes(Node const& n) {
    auto const& op = info(n.op);
    for (auto const& [key, value] : n.attributes) {
      auto it = std::find_if(op.attributes.begin(), op.attributes.end(), [&](auto const& s) { return s.name == key; });
      if (it == op.attributes.end()) complain(n.at, fmt::format("{} has no attribute '{}'", op.name, key));
      else if (!has_kind(value, it->kind))
        complain(n.at, fmt::format("attribute '{}' of {} is of another kind", key, op.name));
    }
    for (auto const& s : op.attributes)
      if (!s.optional && !n.attributes.has(s.name))
        complain(n.at, fmt::format("{} needs the attribute '{}'", op.name, s.name));
    if ((n.op == OpCode::kernel) != static_cast<bool>(n.kernel))
      complain(n.at, n.kernel ? fmt::format("{} has the facts of a kernel", op.name) : "a kernel has no facts");
    if (op.arity >= 0 && n.operands.size() != static_cast<size_t>(op.arity))
      complain(n.at, fmt::format("{} takes {} operands, found {}", op.name, op.arity, n.operands.size()));
  }

  void types(Node const& n) {
    if (n.op == OpCode::grad) return gradient(n);
    if (n.op == OpCode::with_gradient) return with_gradient(n);
    if (n.op == OpCode::call) return call(n);
    if (n.op == OpCode::cond) return cond(n);
    if (n.op == OpCode::scan) return scan(n);
    std::vector<Type> operands;
    for (auto v : n.operands) operands.push_back(f_.type(v));
    try {
      auto wanted =
          result_types(n.op, operands, n.attributes, n.results.empty() ? nullptr : &f_.type(n.results.front()));
      if (wanted.size() != n.results.size())
        return complain(n.at, fmt::format("{} gives {} results", info(n.op).name, wanted.size()));
      for (size_t i = 0; i < wanted.size(); ++i)
        if (wanted[i] != f_.type(n.results[i]))
          complain(n.at, fmt::format("{} gives {}, but {} is {}", info(n.op).name, wanted[i].text(),
                                     shown(n.results[i]), f_.type(n.results[i]).text()));
    } catch (Error const& e) {
      for (auto const& d : e.diagnostics) complain(n.at, fmt::format("{}: {}", info(n.op).name, d.message));
    }
  }

  void gradient(Node const& n) {
    if (n.operands.size() < 2 || n.results.size() != n.operands.size() - 1)
      return complain(n.at, "grad takes y and the values to differentiate by, and gives one result for each of these");
    auto const& y = f_.type(n.operands.front());
    if (y.rank() != 0 || !is_float(y.dtype))
      complain(n.at, fmt::format("grad needs a float scalar, found {}", y.text()));
    for (size_t i = 0; i < n.results.size(); ++i)
      if (f_.type(n.results[i]) != f_.type(n.operands[i + 1])) complain(n.at, "a gradient has the type of its value");
  }

  // Operands: values, variables, what else the derivative reads. The derivative takes one derivative for each value and
  // what else it reads, and gives one for each variable.
  void with_gradient(Node const& n) {
    auto const* name = n.attributes.find("derivative");
    auto const* count = n.attributes.find("variables");
    if (!name || !count || !has_kind(*name, AttributeKind::string) || !has_kind(*count, AttributeKind::integer)) return;
    auto const* f = module_.function(std::get<std::string>(*name));
    if (!f || f == &f_) return complain(n.at, "with_gradient names a function that does not exist, or its own");
    i64 const values = static_cast<i64>(n.results.size()), variables = std::get<i64>(*count);
    i64 const others = static_cast<i64>(n.operands.size()) - values - variables;
    if (values < 1 || variables < 1 || others < 0)
      return complain(n.at, "with_gradient takes a value for each result, and at least one variable");
    if (static_cast<i64>(f->arguments.size()) != values + others || static_cast<i64>(f->results.size()) != variables)
      return complain(n.at, fmt::format("@{} takes {} operands and gives {} results, expected {} and {}", f->name,
                                        f->arguments.size(), f->results.size(), values + others, variables));
    for (i64 i = 0; i < values; ++i) is_float_of_type(n, n.results[i], f_.type(n.operands[i]));
    for (i64 i = 0; i < variables; ++i) is_float_of_type(n, n.operands[values + i], f->type(f->results[i].value));
    for (i64 i = 0; i < values + others; ++i)
      if (f->type(f->arguments[i].value) != f_.type(n.operands[i < values ? i : i + variables]))
        complain(n.at, fmt::format("argument {} of @{} has another type", i + 1, f->name));
  }
  void is_float_of_type(Node const& n, ValueId v, Type const& t) {
    if (f_.type(v) != t || !is_float(t.dtype))
      complain(n.at,
               fmt::format("with_gradient: {} is {}, expected floats, {}", shown(v), f_.type(v).text(), t.text()));
  }

  void call(Node const& n) {
    auto const* callee =
        n.attributes.has("callee") ? module_.function(n.attributes.get<std::string>("callee")) : nullptr;
    if (!callee) return complain(n.at, "call of a function that does not exist");
    if (callee->arguments.size() != n.operands.size() || callee->results.size() != n.results.size())
      return complain(n.at, fmt::format("@{} takes {} operands and gives {} results", callee->name,
                                        callee->arguments.size(), callee->results.size()));
    for (size_t i = 0; i < n.operands.size(); ++i)
      if (callee->type(callee->arguments[i].value) != f_.type(n.operands[i]))
        complain(n.at, fmt::format("operand {} of @{} has another type", i + 1, callee->name));
    for (size_t i = 0; i < n.results.size(); ++i)
      if (callee->type(callee->results[i].value) != f_.type(n.results[i]))
        complain(n.at, fmt::format("result {} of @{} has another type", i + 1, callee->name));
  }

  // What a scope defines is in sight in it alone. False when something is wrong.
  bool scopes(Node const& n) {
    size_t const before = out_.size();
    for (auto const& r : n.regions) {
      for (auto v : r.arguments) define(v, n.at);
      nodes(r.nodes);
      for (auto v : r.results)
        if (v >= f_.values.size() || state_[v] != State::visible)
          complain(n.at, fmt::format("a region of {} gives {} before it is defined", info(n.op).name, shown(v)));
      each_definition_in(r, [&](ValueId v) {
        if (v < f_.values.size()) state_[v] = State::hidden;
      });
    }
    if (out_.size() == before) listed(n);
    return out_.size() == before;
  }

  void listed(Node const& n) {
    auto const wanted = captures(f_, n);
    if (std::vector<ValueId>(n.operands.begin() + static_cast<i64>(std::min(own_operands(n), n.operands.size())),
                             n.operands.end()) == wanted)
      return;
    std::string names;
    for (auto v : wanted) names += (names.empty() ? "" : ", ") + shown(v);
    complain(n.at, fmt::format("the last operands of {} are the values from outside that its regions read, in this "
                               "order: {}",
                               info(n.op).name, names.empty() ? "none" : names));
  }

  void cond(Node const& n) {
    if (n.operands.empty() || f_.type(n.operands[0]) != scalar_of(DType::bool_))
      return complain(n.at, fmt::format("the first operand of cond is a condition, bool[], found {}",
                                        n.operands.empty() ? "none" : f_.type(n.operands[0]).text()));
    if (n.results.empty()) return complain(n.at, "a cond gives a value, this one none");
    for (auto const& side : n.regions) {
      auto const* which = &side == &n.regions.front() ? "first" : "second";
      if (!side.arguments.empty()) complain(n.at, fmt::format("the {} region of cond has arguments", which));
      if (side.results.size() != n.results.size())
        complain(n.at, fmt::format("the {} region of cond gives {} values, expected {}", which, side.results.size(),
                                   n.results.size()));
      for (size_t i = 0; i < std::min(side.results.size(), n.results.size()); ++i)
        if (f_.type(side.results[i]) != f_.type(n.results[i]))
          complain(n.at,
                   fmt::format("the {} region of cond gives {}, but {} is {}", which, f_.type(side.results[i]).text(),
                               shown(n.results[i]), f_.type(n.results[i]).text()));
    }
  }

  // What a scan takes and gives are as many as it says; then its types are looked at.
  void scan(Node const& n) {
    if (!n.attributes.has("length")) return; // said already
    i64 const length = n.attributes.get<i64>("length"), carries = n.attributes.get_or("carries", i64{0});
    auto const& body = n.regions.front();
    auto const refuse = [&](std::string message) { complain(n.at, "scan: " + message); };
    if (length < 0) return refuse(fmt::format("a length of {}", length));
    if (carries < 0 || static_cast<size_t>(carries) > std::min(body.arguments.size(), n.results.size()))
      return refuse(fmt::format("{} carries, but its region takes {} values and it gives {}", carries,
                                body.arguments.size(), n.results.size()));
    if (n.operands.size() < body.arguments.size())
      return refuse(
          fmt::format("its region takes {} values, found {} operands", body.arguments.size(), n.operands.size()));
    if (body.results.size() != n.results.size())
      return refuse(fmt::format("its region gives {} values, expected {}", body.results.size(), n.results.size()));
    if (n.results.empty()) return refuse("it gives nothing");
    scan_types(Scan(n));
  }
  void scan_types(Scan const& s) {
    auto const same = [&](ValueId v, Type const& wanted, std::string const& what) {
      if (f_.type(v) != wanted)
        complain(s.node.at, fmt::format("scan: {} is {}, expected {}", what, f_.type(v).text(), wanted.text()));
    };
    for (size_t i = 0; i < s.sequences; ++i) {
      auto const& t = f_.type(s.sequence(i));
      if (t.rank() == 0 || t.shape[0] != Dim(s.length))
        complain(s.node.at, fmt::format("scan: a sequence of {} elements is {}", s.length, t.text()));
      else same(s.element(i), element_of(t), "an element of " + t.text());
    }
    for (size_t i = 0; i < s.carries; ++i) {
      auto const& t = f_.type(s.first(i));
      same(s.carried(i), t, fmt::format("carry {}", i + 1));
      same(s.next(i), t, fmt::format("carry {} of the next round", i + 1));
      same(s.last(i), t, fmt::format("the last carry {}", i + 1));
    }
    for (size_t i = 0; i < s.stacks(); ++i)
      same(s.stack(i), stacked(f_.type(s.given(i)), s.length), fmt::format("stack {}", i + 1));
  }

  void kernel(Node const& n) {
    size_t const before = out_.size();
    auto const& inside = n.regions.front().nodes;
    nodes(inside);
    std::set<ValueId> defined;
    for (auto const& i : inside) {
      if (is_kernel(i)) complain(i.at, "kernels do not nest");
      defined.insert(i.results.begin(), i.results.end());
    }
    if (out_.size() == before) {
      auto const read = captures(f_, n);
      if (std::set<ValueId>(read.begin(), read.end()) != std::set<ValueId>(n.operands.begin(), n.operands.end()))
        complain(n.at, "the operands of a kernel are exactly the values from outside that it reads");
    }
    for (auto v : n.results)
      if (!defined.count(v)) complain(n.at, fmt::format("a kernel gives {}, which it does not define", shown(v)));
    for (auto v : defined)
      if (std::find(n.results.begin(), n.results.end(), v) == n.results.end()) state_[v] = State::hidden;
    if (out_.size() == before && n.kernel) form_.check(n);
  }

  Module const& module_;
  Function const& f_;
  std::vector<Diagnostic>& out_;
  std::vector<State> state_;
  verifying::KernelForm form_;
};

// No function reaches itself by the functions that its nodes name.
class Calls {
public:
  Calls(Module const& m, std::vector<Diagnostic>& out) : module_(m), out_(out) {}
  void run() {
    for (auto const& f : module_.functions) visit(f);
  }

private:
  void visit(Function const& f) {
    if (!known_.insert(&f).second) {
      if (open_.contains(&f))
        out_.push_back({.at = f.at, .message = fmt::format("@{} calls itself without an end", f.name)});
      return;
    }
    open_.insert(&f);
    each_node(f.body.nodes, [&](Node const& n) {
      for (std::string_view key : {"callee", "derivative"})
        if (auto const* name = n.attributes.find(key); name && std::holds_alternative<std::string>(*name))
          if (auto const* callee = module_.function(std::get<std::string>(*name))) visit(*callee);
    });
    open_.erase(&f);
  }

  Module const& module_;
  std::vector<Diagnostic>& out_;
  std::set<Function const*> known_, open_;
};

void verify_training(Module const& m, std::vector<Diagnostic>& out) {
  if (!m.training) return;
  for (size_t k = 0; k < m.training->phases.size(); ++k) {
    auto const* loss = m.function(of_phase("loss", k));
    if (!loss) continue;
    std::set<std::string> owned;
    for (auto const& clause : m.training->phases[k].minimize) {
      if (!loss->result(clause.objective))
        out.push_back({.at = loss->at,
                       .message = fmt::format("minimize {}: @{} has no such result", clause.objective, loss->name)});
      for (auto const& p : clause.parameters) {
        if (!owned.insert(p).second)
          out.push_back({.at = loss->at, .message = fmt::format("{} is updated by two clauses", p)});
        if (auto const update = of_phase("update", k) + "." + p; !m.function(update))
          out.push_back({.at = loss->at, .message = fmt::format("there is no @{}", update)});
      }
    }
  }
}

} // namespace

std::string verifying::shown(Function const& f, ValueId v) {
  return v < f.values.size() && !f.values[v].name.empty() ? "%" + f.values[v].name : fmt::format("value {}", v);
}

std::vector<Diagnostic> verify(Module const& m) {
  std::vector<Diagnostic> out;
  std::set<std::string> names;
  for (auto const& f : m.functions) {
    if (!names.insert(f.name).second)
      out.push_back({.at = f.at, .message = fmt::format("@{} is defined twice", f.name)});
    Verifier(m, f, out).run();
  }
  Calls(m, out).run();
  verify_training(m, out);
  return out;
}

std::vector<Diagnostic> verify_finished(Module const& m) {
  std::vector<Diagnostic> out;
  verifying::Complain const complain = [&](Location at, std::string message) {
    out.push_back({.at = at, .message = std::move(message)});
  };
  for (auto const& f : m.functions)
    if (f.name != "require") verifying::verify_all_passes(f, complain);
  if (out.empty()) out = verify(m);
  if (!out.empty()) return out;
  for (auto const& f : m.functions)
    if (f.name != "require" && !has_kernels(f)) verifying::verify_results(f, complain);
  return out;
}

void verify_or_bug(Module const& m, std::string_view where) {
  auto problems = verify(m);
  if (!problems.empty())
    throw CompilerBug(fmt::format("{} the module is not well formed: {}", where, problems.front().message));
}

} // namespace nnc
