#include "frontend/elaborate/scope.h"

#include "frontend/lexer.h"
#include "frontend/parser.h"
#include "frontend/std_library.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc::front {

// paths

std::string PathScope::counted_draw(std::string const& name) {
  int n = ++draw_counts[name];
  return joined(draw_path, n == 1 ? name : fmt::format("{}_{}", name, n));
}

std::shared_ptr<PathScope> PathScope::enter(std::string const& function, std::string const& tag, Location at) {
  auto inner = std::make_shared<PathScope>();
  std::string name = tag;
  if (tag.empty()) {
    int n = ++counts[function];
    name = n == 1 ? function : fmt::format("{}_{}", function, n);
  }
  inner->path = joined(path, name);
  inner->draw_path = counted_draw(tag.empty() ? function : tag);
  inner->shared = shared;
  inner->clash = clash;
  auto [it, fresh] = children.try_emplace(name, Child{.tagged = !tag.empty(), .at = at});
  if (!fresh) {
    if (it->second.tagged && !tag.empty()) inner->shared = true;
    else if (!shared) inner->clash = it->second.at;
  }
  return inner;
}

// files

bool FileScope::declares(std::string const& name) const {
  return functions.contains(name) || optimizers.contains(name) || consts.contains(name);
}

syntax::FunctionDecl const* FileScope::parsed(Declarations& among, std::string const& name) {
  auto const found = among.find(name);
  if (found == among.end()) return nullptr;
  auto& [tree, is_documented, begin, end, line] = found->second;
  if (tree) return tree;
  auto& trees = &among == &functions ? this->tree.functions : this->tree.optimizers;
  return tree = trees.emplace_back(parse_declaration(*sources, id, begin, end, line)).get();
}

std::vector<std::string> FileScope::names() const {
  std::vector<std::string> out;
  for (auto const& [name, _] : functions) out.push_back(name);
  for (auto const& [name, _] : consts) out.push_back(name);
  return out;
}

void Program::error(Location at, std::string message, std::vector<Note> notes) {
  if (diagnostics_.size() < 2 * most_mistakes)
    diagnostics_.push_back({.at = at, .message = std::move(message), .notes = std::move(notes)});
}

FileScope* Program::load(u32 file) {
  load_library();
  FileScope* main = add(file, "", false);
  loading_.push_back(main);
  load_imports(*main);
  loading_.pop_back();
  return main;
}

u32 Program::option(std::string const& name, std::string const& value) {
  auto [it, fresh] = options_.try_emplace(name + "=" + value, 0);
  if (fresh) it->second = sources_.add("Options::set", it->first);
  return it->second;
}

FileScope* Program::add(u32 file, std::string path, bool is_std) {
  auto scope = std::make_unique<FileScope>();
  scope->id = file;
  scope->path = std::move(path);
  scope->is_std = is_std;
  Parsed parsed = parse(sources_, file);
  scope->tree = std::move(parsed.file);
  std::move(parsed.diagnostics.begin(), parsed.diagnostics.end(), std::back_inserter(diagnostics_));
  index(*scope);
  files_.push_back(std::move(scope));
  return files_.back().get();
}

// Fills the tables of a file; a name that is declared twice is an error.
void Program::index(FileScope& scope) {
  std::map<std::string, Location> seen;
  auto once = [&](syntax::Name const& name) {
    auto [it, fresh] = seen.try_emplace(name.text, name.at);
    if (!fresh) error(name.at, fmt::format("`{}` is declared twice", name.text), {{it->second, "the first time here"}});
    return fresh;
  };
  for (auto const& f : scope.tree.functions)
    if (once(f->name)) scope.functions[f->name.text] = {.tree = f.get(), .is_documented = !f->doc.empty()};
  for (auto const& f : scope.tree.optimizers)
    if (once(f->name)) scope.optimizers[f->name.text] = {.tree = f.get(), .is_documented = !f->doc.empty()};
  for (auto const& c : scope.tree.consts)
    if (once(c->name)) scope.consts[c->name.text] = c.get();
  std::map<std::string, Location> models;
  for (auto const& m : scope.tree.models) {
    auto [it, fresh] = models.try_emplace(m->name.text, m->name.at);
    if (!fresh)
      error(m->name.at, fmt::format("the model `{}` is declared twice", m->name.text),
            {{it->second, "the first time here"}});
  }
}

void Program::load_library() {
  for (auto const& file : std_library())
    library_.push_back(
        add_library(sources_.add(std::string(file.name), std::string(file.text)), std::string(file.name)));
}

// A file of the library holds functions and optimizers, each of which begins a line.
FileScope* Program::add_library(u32 file, std::string path) {
  auto scope = std::make_unique<FileScope>();
  scope->id = file;
  scope->path = std::move(path);
  scope->is_std = true;
  scope->sources = &sources_;
  std::string_view const text = sources_.text(file);
  Declared* last = nullptr;
  bool documented = false;
  u32 number = 0;
  for (size_t begin = 0; begin < text.size();) {
    size_t const end = std::min(text.find('\n', begin), text.size());
    std::string_view const line = text.substr(begin, end - begin);
    ++number;
    bool const is_function = line.starts_with("fn "), is_optimizer = line.starts_with("optimizer ");
    if (is_function || is_optimizer) {
      auto const name = line.substr(line.find(' ') + 1, line.find('(') - line.find(' ') - 1);
      if (last) last->end = static_cast<u32>(begin);
      last = &(is_function ? scope->functions : scope->optimizers)[std::string(name)];
      *last = {.is_documented = documented,
               .begin = static_cast<u32>(begin),
               .end = static_cast<u32>(text.size()),
               .line = number};
    }
    documented = line.starts_with("##");
    begin = end + 1;
  }
  files_.push_back(std::move(scope));
  return files_.back().get();
}

void Program::load_imports(FileScope& scope) {
  for (auto const& i : scope.tree.imports) import(scope, i);
}

namespace {

// The path of an import, below the folder of the main file; nothing when it would leave that folder.
std::optional<std::string> path_below(std::string const& importer, std::string const& written) {
  if (written.empty() || written.front() == '/' || written.find('\\') != std::string::npos) return {};
  std::vector<std::string> parts;
  auto walk = [&](std::string const& path) {
    for (size_t i = 0; i <= path.size();) {
      size_t end = std::min(path.find('/', i), path.size());
      std::string part = path.substr(i, end - i);
      i = end + 1;
      if (part == "..") {
        if (parts.empty()) return false;
        parts.pop_back();
      } else if (!part.empty() && part != ".") parts.push_back(part);
    }
    return true;
  };
  auto slash = importer.rfind('/');
  if (slash != std::string::npos) walk(importer.substr(0, slash));
  if (!walk(written)) return {};
  std::string out;
  for (auto const& part : parts) out += out.empty() ? part : "/" + part;
  return out;
}

} // namespace

void Program::import(FileScope& scope, syntax::Import const& i) {
  auto path = path_below(scope.path, i.path);
  if (!path) return error(i.at, fmt::format("the import \"{}\" is outside of the folder of the model", i.path));
  for (auto* open : loading_)
    if (open->path == *path && open != loading_.front())
      return error(i.at, fmt::format("the import of \"{}\" is circular", i.path));
  FileScope*& file = by_path_[*path];
  if (!file) {
    std::optional<std::string> text;
    try {
      if (settings_.read_import) text = settings_.read_import(*path);
    } catch (Error const& unreadable) {
      return error(i.at, unreadable.what());
    }
    if (!text) return error(i.at, fmt::format("there is no file \"{}\" to import", *path));
    if (*text == sources_.text(loading_.front()->id))
      return error(i.at, fmt::format("the import of \"{}\" is circular", i.path));
    auto folder = sources_.name(loading_.front()->id);
    auto slash = folder.rfind('/');
    std::string shown = slash == std::string::npos ? *path : folder.substr(0, slash + 1) + *path;
    file = add(sources_.add(shown, *text), *path, false);
    loading_.push_back(file);
    load_imports(*file);
    loading_.pop_back();
  }
  scope.imports.push_back({.alias = i.as ? i.as->text : "", .file = file, .at = i.at});
}

} // namespace nnc::front
