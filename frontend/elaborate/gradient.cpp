// A function's own derivative, `fn f(x) { ... } gradient (dy) { ... }`. The body stands in the graph of the caller.
// What it gives goes through a `with_gradient` node, so that derivatives flow to the arguments as the block says. The
// block becomes a function of the module, @gradient.f, for the types of this call.
#include "frontend/elaborate/gradient.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/statement.h"
#include "frontend/elaborate/tensor.h"

#include "ir/walk.h"

#include <fmt/core.h>
#include <functional>

namespace nnc::front {

namespace {

// The float tensors of a value, those in lists too, in order.
void each_float_tensor(Any& value, std::function<void(Any&)> const& visit) {
  if (auto* list = value.list()) {
    List items = *list;
    for (auto& item : items) each_float_tensor(item, visit);
    value.as = list_of(std::move(items)).as;
    return;
  }
  auto* t = value.tensor();
  if (t && !t->tunes && is_float(t->graph->type(t->id).dtype)) visit(value);
}

std::string counted(size_t n, std::string_view what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); }

} // namespace

// What a derivative flows to: float tensors among the arguments. Numbers that stay numbers get none.
std::vector<OwnDerivatives::Variable> OwnDerivatives::variables_of(syntax::FunctionDecl const& f) {
  std::vector<Variable> out;
  if (!f.gradient) return out;
  for (auto const& p : f.parameters) {
    Any value = now_.frame->names[p.name.text];
    each_float_tensor(value, [&](Any& v) { out.push_back({p.name.text, e_.tensors.as_tensor(v, p.name.at)}); });
  }
  return out;
}

// The result of the body, each float tensor of it with the derivative that the block gives.
Any OwnDerivatives::with_gradient(syntax::FunctionDecl const& f, std::vector<Variable> const& variables,
                                  Any const& result) {
  Any out = result;
  std::vector<ValueId> operands;
  std::vector<Type> types;
  each_float_tensor(out, [&](Any& v) { operands.push_back(e_.tensors.as_tensor(v, f.name.at)); });
  if (operands.empty()) return result;
  Graph& derivative = new_derivative(f, operands);
  std::string const number = std::to_string(derivatives_.size() - 1); // its name until the unused ones are gone
  for (ValueId v : operands) types.push_back(now_.graph->type(v));
  for (auto const& x : variables) operands.push_back(x.id);
  {
    GraphGuard guard(now_, &derivative);
    run_gradient_block(f, variables);
  }
  operands.insert(operands.end(), derivative.captured.begin(), derivative.captured.end());
  Attributes attributes{{"derivative", number}, {"variables", static_cast<i64>(variables.size())}};
  auto ids = e_.tensors.builder(now_.frame->call_at).make_many(OpCode::with_gradient, operands, attributes, types);
  size_t next = 0;
  each_float_tensor(out, [&](Any& v) { v.as = e_.tensors.tensor(ids[next++]).as; });
  return out;
}

// The graph of the block, with the derivatives of the values as its first arguments and as names of the block.
Graph& OwnDerivatives::new_derivative(syntax::FunctionDecl const& f, std::vector<ValueId> const& values) {
  auto const& names = f.gradient_parameters;
  Location at = names.empty() ? f.gradient->at : names.front().at;
  if (names.size() != values.size())
    errors_.fail(at, fmt::format("`{}` gives {}, its `gradient` block takes {}", f.name.text,
                                 counted(values.size(), "float tensor"), counted(names.size(), "derivative")));
  Graph& graph =
      *derivatives_.emplace_back(std::make_unique<Graph>(now_.graph->kind, "gradient." + f.name.text, now_.limit));
  graph.outer = now_.graph;
  for (size_t i = 0; i < values.size(); ++i) {
    ValueId dy = graph.builder.argument(names[i].text, now_.graph->type(values[i]), Role::none);
    now_.frame->names[names[i].text] = {TensorValue{.graph = &graph, .id = dy}, names[i].at};
  }
  return graph;
}

// Runs the block in the frame of the body, whose names it sees.
void OwnDerivatives::run_gradient_block(syntax::FunctionDecl const& f, std::vector<Variable> const& variables) {
  now_.frame->returned = false;
  now_.frame->result.reset();
  e_.statements.block(*f.gradient, true);
  Any result = now_.frame->result.value_or(Any{None{}});
  if (result.is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
  List given = result.list() ? *result.list() : result.is<None>() ? List{} : List{result};
  auto const& statements = f.gradient->statements;
  Location at = statements.empty() ? f.gradient->at : statements.back()->at;
  if (given.size() != variables.size()) {
    std::string names;
    for (auto const& x : variables) names += (names.empty() ? "`" : ", `") + x.name + "`";
    errors_.fail(at, fmt::format("the `gradient` block of `{}` gives {}, expected {}: one for each of {}", f.name.text,
                                 counted(given.size(), "derivative"), variables.size(), names));
  }
  for (size_t i = 0; i < given.size(); ++i)
    now_.graph->builder.result("d" + variables[i].name, derivative_of(variables[i], given[i], at), Role::none);
}

// A scalar stands for every element. What has the shape that the variable was broadcast to is summed.
ValueId OwnDerivatives::derivative_of(Variable const& x, Any const& derivative, Location at) {
  Type const type = now_.graph->outer->type(x.id);
  ValueId v = e_.tensors.as_tensor(derivative, type.dtype, at);
  Type const have = now_.graph->type(v);
  if (have.rank() == 0) return e_.tensors.builder(at).broadcast_scalar(v, type.shape);
  bool fits = have.rank() >= type.rank();
  for (size_t i = 1; fits && i <= type.shape.size(); ++i) {
    Dim const& wanted = type.shape[type.shape.size() - i];
    fits = wanted == Dim(1) || wanted == have.shape[have.shape.size() - i];
  }
  if (!fits)
    errors_.fail(at, fmt::format("the derivative of `{}` is {}, expected the type of `{}`, {}", x.name, shown(have),
                                 x.name, shown(type)));
  return sum_to(v, type.shape, at);
}

ValueId OwnDerivatives::sum_to(ValueId v, Shape const& shape, Location at) {
  Shape const from = now_.graph->type(v).shape;
  std::vector<i64> axes;
  for (size_t i = 0; i < from.size(); ++i) {
    size_t const front = from.size() - shape.size();
    if (i < front || (shape[i - front] == Dim(1) && !(from[i] == Dim(1)))) axes.push_back(static_cast<i64>(i));
  }
  return axes.empty()
             ? v
             : e_.tensors.builder(at).reshape(e_.tensors.builder(at).reduce(OpCode::reduce_sum, v, axes), shape);
}

// The functions that nodes of the module name, and those that they name in turn. Each belongs to one node.
void OwnDerivatives::add_derivatives() {
  auto& functions = now_.out.module.functions;
  std::map<std::string, int> counts;
  for (size_t k = 0; k < functions.size(); ++k) {
    std::vector<Function> named;
    each_node(functions[k].body.nodes, [&](Node& n) {
      if (n.op != OpCode::with_gradient) return;
      Function f = std::move(derivatives_[std::stoul(n.attributes.get<std::string>("derivative"))]->function);
      if (int count = ++counts[f.name]; count > 1) f.name += fmt::format("_{}", count);
      n.attributes.set("derivative", f.name);
      named.push_back(std::move(f));
    });
    for (auto& f : named) functions.push_back(std::move(f));
  }
}

} // namespace nnc::front
