// Module -> text. Names are kept, made unique where two values share one; a type stands once, where its value is born;
// attributes that have their default are absent; the source line is a trailing comment.
#include "ir/kernel_fields.h"
#include "ir/printable.h"
#include "ir/text.h"
#include "ir/text/literal.h"
#include "ir/text/quoted.h"
#include "ir/walk.h"

#include <fmt/core.h>
#include <unordered_map>
#include <unordered_set>

namespace nnc {
namespace {

constexpr size_t comment_column = 88;

bool plain_name(std::string_view s) {
  if (s.empty()) return false;
  for (char c : s)
    if (!is_name_character(c)) return false;
  return true;
}

std::string shown(std::string const& name) { return plain_name(name) ? name : quoted(name); }

// A file that a comment names as it is: without blanks it cannot be taken for words.
bool is_plain_place(std::string_view file) {
  return !file.empty() && file.find_first_of(" \"") == std::string::npos && printable(file) == file;
}

template <class List, class Text>
std::string joined(List const& list, Text text, std::string_view between = ", ") {
  std::string out;
  for (auto const& item : list) {
    if (!out.empty()) out += between;
    out += text(item);
  }
  return out;
}

class Printer {
public:
  Printer(Module const& module, Function const& function) : module_(module), f_(function) {
    names_.resize(f_.values.size());
    for (auto const& a : f_.arguments) give_name(a.value);
    name_nodes(f_.body.nodes);
  }

  std::string text() {
    std::string out = fmt::format("func @{}(", shown(f_.name));
    out += joined(f_.arguments, [&](Argument const& a) {
      return with_role(fmt::format("{}: {}", names_[a.value], f_.type(a.value).text()), a.role);
    });
    out += ") -> (";
    out += joined(f_.results, [&](Result const& r) {
      auto const text = with_role(fmt::format("{}: {}", shown(r.name), f_.type(r.value).text()), r.role);
      return r.rows.empty() ? text : text + fmt::format(" [{}]", joined(r.rows, quoted));
    });
    out += ")";
    std::vector<std::string> facts;
    if (!f_.slots.empty())
      facts.push_back(fmt::format("slots=[{}]", joined(f_.slots, [](Dim const& d) { return d.text(); })));
    if (f_.locals) facts.push_back(fmt::format("locals={}", f_.locals));
    if (f_.scratch) facts.push_back(fmt::format("scratch={}", f_.scratch));
    if (f_.parts != 1) facts.push_back(fmt::format("parts={}", f_.parts));
    if (f_.threads) facts.push_back(fmt::format("threads={}", f_.threads));
    if (!facts.empty()) out += " {" + joined(facts, [](auto const& s) { return s; }) + "}";
    out += " {\n";
    for (auto const& n : f_.body.nodes) node(out, n, 2);
    if (!f_.results.empty())
      out += "  return " + joined(f_.results, [&](Result const& r) { return operand(r.value, nullptr); }) + "\n";
    return out + "}\n";
  }

private:
  static std::string with_role(std::string s, Role role) {
    if (role != Role::none) s += " " + std::string(name(role));
    return s;
  }

  void give_name(ValueId v) {
    auto const& wanted = f_.values[v].name;
    std::string candidate = wanted.empty() ? std::to_string(next_number_++) : wanted;
    while (!taken_.insert(candidate).second)
      candidate = wanted.empty() ? std::to_string(next_number_++)
                                 : fmt::format("{}_{}", wanted, ++copies_.try_emplace(wanted, 1).first->second);
    names_[v] = "%" + shown(candidate);
  }

  void name_nodes(std::vector<Node> const& nodes) {
    for (auto const& n : nodes) {
      if (!is_kernel(n))
        for (auto r : n.results) give_name(r);
      for (auto const& r : n.regions) {
        for (auto v : r.arguments) give_name(v);
        name_nodes(r.nodes);
      }
    }
  }

  // A literal states its dtype where it differs from what the reader would take it for (`expected`).
  std::string operand(ValueId v, DType const* expected) const {
    auto const& value = f_.values[v];
    if (!value.constant) return names_[v];
    std::string text = literal_text(value.type.dtype, *value.constant);
    if (!expected || *expected != value.type.dtype) text += ":" + std::string(name(value.type.dtype));
    return text;
  }

  std::string operands(Node const& n) const {
    auto expected = literal_dtype(f_, n);
    return joined(n.operands, [&](ValueId v) { return operand(v, expected ? &*expected : nullptr); });
  }

  std::string place(Place const& p) const {
    switch (p.kind) {
    case Place::Kind::slot: return fmt::format("slot({})", p.index);
    case Place::Kind::local: return fmt::format("local({})", p.index);
    case Place::Kind::argument: return fmt::format("argument({})", p.index);
    case Place::Kind::result: return fmt::format("result({})", p.index);
    case Place::Kind::round: return fmt::format("round({})", p.index);
    }
    return "";
  }

  std::string attribute(AttributeValue const& value) const {
    struct Show {
      Printer const& p;
      std::string operator()(bool b) const { return b ? "true" : "false"; }
      std::string operator()(i64 i) const { return std::to_string(i); }
      std::string operator()(f64 x) const { return literal_text(DType::f64, {.f = x}); }
      std::string operator()(std::string const& s) const { return quoted(s); }
      std::string operator()(std::vector<i64> const& v) const {
        return "[" + joined(v, [](i64 i) { return std::to_string(i); }) + "]";
      }
      std::string operator()(std::vector<Dim> const& v) const {
        return "[" + joined(v, [](Dim const& d) { return d.text(); }) + "]";
      }
      std::string operator()(Order const& o) const { return o.text(); }
      std::string operator()(std::vector<Place> const& v) const {
        return "[" + joined(v, [this](Place const& x) { return p.place(x); }) + "]";
      }
    };
    return std::visit(Show{*this}, value);
  }

  // "axes=[1]"; of a kernel what its fields say.
  std::vector<std::string> attributes(Node const& n) const {
    std::vector<std::string> out;
    if (n.kernel)
      for (auto const& field : kernel_fields())
        if (auto const value = field.read(*n.kernel))
          out.push_back(fmt::format("{}={}", field.spec.name, attribute(*value)));
    for (auto const& [name, value] : n.attributes) out.push_back(fmt::format("{}={}", name, attribute(value)));
    return out;
  }

  void node(std::string& out, Node const& n, int indent) const {
    std::string line(static_cast<size_t>(indent), ' ');
    line += joined(n.results, [&](ValueId r) { return names_[r]; });
    line += fmt::format("{}{}", n.results.empty() ? "" : " = ", info(n.op).name);
    if (!n.operands.empty()) line += " " + operands(n);
    auto const all = attributes(n);
    if (!all.empty()) line += " {" + joined(all, [](auto const& text) { return text; }) + "}";
    if (!is_kernel(n) && !n.results.empty())
      line += " : " + joined(n.results, [&](ValueId r) { return f_.type(r).text(); });
    if (!n.regions.empty()) line += head(n.regions.front());
    auto const& file = module_.sources->name(n.at.file);
    if (n.at && !file.ends_with(".ir")) {
      line.resize(std::max(line.size() + 2, comment_column), ' ');
      line += fmt::format("# {}:{}", is_plain_place(file) ? file : quoted(file), n.at.line);
    }
    out += line + "\n";
    for (auto const& r : n.regions) {
      if (&r != &n.regions.front()) out += head(r) + "\n";
      body(out, r, indent + 2);
      out += std::string(static_cast<size_t>(indent), ' ') + "}";
    }
    if (!n.regions.empty()) out += "\n";
  }

  // " (%a: f32[], %b: i32[4]) {"
  std::string head(Region const& r) const {
    if (r.arguments.empty()) return " {";
    return " (" + joined(r.arguments, [&](ValueId v) { return names_[v] + ": " + f_.type(v).text(); }) + ") {";
  }
  void body(std::string& out, Region const& r, int indent) const {
    for (auto const& inner : r.nodes) node(out, inner, indent);
    if (r.results.empty()) return;
    out += std::string(static_cast<size_t>(indent), ' ') + "-> " +
           joined(r.results, [&](ValueId v) { return operand(v, nullptr); }) + "\n";
  }

  Module const& module_;
  Function const& f_;
  std::vector<std::string> names_;
  std::unordered_set<std::string> taken_;
  std::unordered_map<std::string, int> copies_; // how many values of a name had to be called otherwise, and 1
  int next_number_ = 0;
};

std::string training_text(Training const& t) {
  std::string out = fmt::format("training {{batch={}, epochs={}, model={}", t.batch, t.epochs, quoted(t.model));
  Training const defaults;
  if (t.accumulate != defaults.accumulate) out += fmt::format(", accumulate={}", t.accumulate);
  if (t.steps != defaults.steps) out += fmt::format(", steps={}", t.steps);
  if (t.seed != defaults.seed) out += fmt::format(", seed={}", t.seed);
  if (t.validation != defaults.validation) out += fmt::format(", validation={}", t.validation);
  if (t.window != defaults.window) out += fmt::format(", window={}", t.window);
  if (t.order != defaults.order) out += fmt::format(", order={}", quoted(t.order));
  if (t.drop_last) out += ", drop_last=true";
  if (t.save_best) out += fmt::format(", save_best={}", quoted(shown(*t.save_best)));
  if (t.patience) out += fmt::format(", patience={}", quoted(shown(*t.patience)));
  out += "}\n";
  for (auto const& phase : t.phases) {
    if (t.phases.size() > 1) out += fmt::format("  phase {}\n", phase.steps);
    for (auto const& m : phase.minimize)
      out += fmt::format("  minimize {} over {}\n", shown(m.objective), joined(m.parameters, shown));
  }
  if (!t.fresh.empty()) out += fmt::format("  fresh {}\n", joined(t.fresh, shown));
  if (!t.averaged.empty()) out += fmt::format("  average {}\n", joined(t.averaged, shown));
  for (auto const& s : t.scalars)
    out += fmt::format("  scalar {} = {}\n", shown(s.name), literal_text(DType::f64, {.f = s.value}));
  return out;
}

std::string target_text(Target const& t) {
  return fmt::format("target {{cpu={}, features={}, l1={}, l2={}, registers={}, triple={}, vector_bytes={}}}\n",
                     quoted(t.cpu), quoted(t.features), t.l1, t.l2, t.registers, quoted(t.triple), t.vector_bytes);
}

} // namespace

std::string print(Module const& m, Function const& f) { return Printer(m, f).text(); }

std::string print(Module const& m) {
  std::string out;
  std::string bound;
  for (int s = 0; s < symbol_count; ++s)
    if (m.bindings[static_cast<size_t>(s)])
      bound += fmt::format("{}{}={}", bound.empty() ? "" : ", ", name(static_cast<Symbol>(s)),
                           *m.bindings[static_cast<size_t>(s)]);
  if (!bound.empty()) out += "module {" + bound + "}\n";
  if (m.target) out += target_text(*m.target);
  if (m.training) out += training_text(*m.training);
  for (auto const& f : m.functions) {
    if (!out.empty()) out += "\n";
    out += print(m, f);
  }
  return out;
}

} // namespace nnc
