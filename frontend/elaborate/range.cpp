// `require` of numbers that only tune. Its condition holds for the values of this compilation, or is a mistake of the
// user's; and it becomes a result of @require, so that a host that changes a number later is held to it as well.
#include "frontend/elaborate/range.h"
#include "frontend/elaborate/constants.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/expression.h"
#include "frontend/elaborate/tunables.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc::front {

using namespace syntax;

namespace {

// The nodes that a number is computed by, in order; nothing when it depends on the step, or on anything else that is
// no setting.
std::optional<std::vector<Node const*>> nodes_behind(Function const& f, ValueId v,
                                                     std::map<std::string, ScalarSetting> const& settings) {
  std::set<ValueId> needed{v};
  std::vector<Node const*> out;
  for (size_t i = f.body.nodes.size(); i-- > 0;) {
    Node const& n = f.body.nodes[i];
    if (!needed.contains(n.results.front())) continue;
    needed.insert(n.operands.begin(), n.operands.end());
    out.push_back(&n);
  }
  for (auto const& a : f.arguments)
    if (needed.contains(a.value) && (a.role != Role::scalar || !settings.contains(f.values[a.value].name))) return {};
  std::reverse(out.begin(), out.end());
  return out;
}

class Copy {
public:
  Copy(Function const& from, Graph& to) : from_(from), to_(to) {}

  ValueId value(ValueId v) {
    if (auto it = copied_.find(v); it != copied_.end()) return it->second;
    Value const& value = from_.values[v];
    if (!value.constant) return to_.argument(value.name, value.type, Role::scalar); // no node makes it
    bool floats = is_float(value.type.dtype);
    return floats ? to_.builder.constant(value.type.dtype, value.constant->f)
                  : to_.builder.integer(value.type.dtype, value.constant->i);
  }
  void nodes(std::vector<Node const*> const& list) {
    for (auto const* n : list) {
      std::vector<ValueId> operands;
      for (ValueId v : n->operands) operands.push_back(value(v));
      copied_[n->result()] = to_.builder.make(n->op, operands, n->attributes, from_.type(n->result()));
    }
  }

private:
  Function const& from_;
  Graph& to_;
  std::map<ValueId, ValueId> copied_;
};

// What makes two conditions the same: every run of a function states them anew.
std::string key_of(Function const& f, std::vector<Node const*> const& nodes, ValueId v) {
  std::map<ValueId, size_t> numbers;
  auto named = [&](ValueId x) {
    if (auto it = numbers.find(x); it != numbers.end()) return fmt::format("%{}", it->second);
    auto const& value = f.values[x];
    return value.constant ? fmt::format("{}:{}", value.constant->f, value.constant->i) : value.name;
  };
  std::string out;
  for (auto const* n : nodes) {
    out += info(n->op).name;
    for (ValueId x : n->operands) out += " " + named(x);
    out += ";";
    numbers.emplace(n->result(), numbers.size());
  }
  return out + named(v);
}

} // namespace

// A message is text with numbers in between: text_0 number_0 text_1 number_1 ... text_n.
void Ranges::add(Any const& condition, std::vector<std::string> const& texts, std::vector<Any> const& numbers,
                 Location at) {
  auto const& f = now_.graph->function;
  std::vector<Any> parts{condition};
  parts.insert(parts.end(), numbers.begin(), numbers.end());
  std::string key = fmt::format("{}:{}:{}", at.file, at.line, at.column);
  std::vector<std::vector<Node const*>> behind;
  for (auto const& part : parts) {
    auto nodes = nodes_behind(f, part.tensor()->id, e_.tunables.settings());
    if (!nodes) return;
    key += key_of(f, *nodes, part.tensor()->id) + "|";
    behind.push_back(std::move(*nodes));
  }
  if (!ranges_.insert(key).second) return;
  if (!require_) require_ = std::make_unique<Graph>(Graph::Kind::require, "require", now_.limit);
  require_->builder.at = errors_.with_chain({.at = at}).at;
  for (size_t i = 0; i < parts.size(); ++i) {
    Copy copy(f, *require_);
    copy.nodes(behind[i]);
    require_->builder.result(texts[i], copy.value(parts[i].tensor()->id), Role::none);
  }
}

// The text of a `require` whose numbers only tune: what stands around them, and the numbers.
void Ranges::run(RequireStmt const& s, Any const& condition, Location at) {
  if (now_.is_in_library()) at = s.condition->at;
  auto* literal = std::get_if<StringExpr>(&s.text->as);
  std::vector<std::string> texts{""};
  std::vector<Any> numbers;
  if (!literal)
    texts.front() = e_.constants.as_string(e_.expressions.eval(*s.text), s.text->at, "the text of `require`");
  else
    for (auto const& part : literal->string.parts) {
      std::optional<Any> value;
      if (part.expression) value = e_.expressions.eval(*part.expression);
      if (value && value->tensor() && value->tensor()->tunes) {
        numbers.push_back(*value);
        texts.emplace_back();
      } else texts.back() += e_.expressions.part_text(part, value);
    }
  auto known = condition.tensor()->known;
  if (!known || *known != 0) return add(condition, texts, numbers, at);
  std::string message = texts.front();
  for (size_t i = 0; i < numbers.size(); ++i)
    message += shown(numbers[i].tensor()->known.value_or(std::numeric_limits<f64>::quiet_NaN())) + texts[i + 1];
  errors_.fail(at, message);
}

void Ranges::give(Module& module) {
  if (require_) module.functions.push_back(std::move(require_->function));
}

} // namespace nnc::front
