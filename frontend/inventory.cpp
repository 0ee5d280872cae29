// What a file holds, read off its syntax tree.
#include "frontend/frontend.h"
#include "frontend/parser.h"

namespace nnc {

namespace {

using namespace syntax;

// The text of an extent as it stands in the source.
std::string written(Sources const& sources, Location at) {
  auto line = sources.line(at.file, at.line);
  return at.column - 1 < line.size() ? std::string(line.substr(at.column - 1, at.length)) : std::string();
}

void collect(Sources const& sources, Block const& block, Inventory::Model& out) {
  for (auto const& s : block.statements) {
    if (auto* x = std::get_if<InputStmt>(&s->as)) {
      Inventory::Input input{
          .name = x->name.text, .is_target = x->is_target, .dtype = x->type.dtype.text, .dims = {}, .at = x->name.at};
      for (auto const& d : x->type.dims) input.dims.push_back(written(sources, d.at));
      out.inputs.push_back(std::move(input));
    } else if (auto* x = std::get_if<OutputStmt>(&s->as)) out.outputs.push_back(x->name.text);
    else if (auto* x = std::get_if<IfStmt>(&s->as)) {
      collect(sources, x->yes, out);
      if (x->no) collect(sources, *x->no, out);
    } else if (auto* x = std::get_if<ForStmt>(&s->as)) collect(sources, x->body, out);
  }
}

} // namespace

Inventory take_inventory(Sources const& sources, u32 file) {
  Parsed parsed = parse(sources, file);
  Inventory out;
  out.diagnostics = std::move(parsed.diagnostics);
  for (auto const& m : parsed.file.models) {
    Inventory::Model model{
        .name = m->name.text, .doc = m->doc, .parameters = {}, .inputs = {}, .outputs = {}, .at = m->name.at};
    for (auto const& p : m->parameters) model.parameters.push_back(p.name.text);
    collect(sources, m->body, model);
    out.models.push_back(std::move(model));
  }
  for (auto const& t : parsed.file.trains) {
    std::string tag;
    if (t->tag)
      for (auto const& part : t->tag->text.parts) tag += part.text;
    out.trains.push_back({.model = t->model.text, .tag = tag, .at = t->at});
  }
  return out;
}

} // namespace nnc
