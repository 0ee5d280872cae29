// Completions for shells, made from the table of switches.
#include "tools/nnc/switches.h"

#include <fmt/core.h>

namespace command {
namespace {

std::string joined(std::vector<std::string> const& words, char const* between = " ") {
  std::string text;
  for (auto const& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (auto const& one : switches())
    for (auto const* name : {one.name, one.short_name})
      if (*name) all.emplace_back(name);
  return all;
}

std::string for_bash() {
  std::string cases;
  for (auto const& one : switches())
    if (one.values)
      cases += fmt::format("    {}) mapfile -t COMPREPLY < <(compgen {}-W '{}' -- \"$word\"); return ;;\n", one.name,
                           one.or_file ? "-f " : "", joined(one.values()));
  return fmt::format(
      "_nnc() {{\n  local word=${{COMP_WORDS[COMP_CWORD]}}\n  case ${{COMP_WORDS[COMP_CWORD-1]}} in\n{}  esac\n"
      "  case $word in\n    -*) mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$word\") ;;\n"
      "    *) mapfile -t COMPREPLY < <(compgen -f -- \"$word\") ;;\n  esac\n}}\ncomplete -o filenames -F _nnc nnc\n",
      cases, joined(names()));
}

// Words that end a piece of zsh's notation are escaped.
std::string escaped(std::string const& text, std::string const& special) {
  std::string out;
  for (char const c : text) {
    if (special.find(c) != std::string::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string values_for_zsh(Switch const& one) {
  if (!one.values) return "_files";
  auto const words = joined(one.values());
  if (!one.or_file) return "(" + words + ")";
  return "{_alternative \"names\\:name\\:(" + words + ")\" \"files\\:file\\:_files\"}";
}

std::string for_zsh() {
  std::string text = "#compdef nnc\n_arguments";
  for (auto const& one : switches()) {
    std::string value;
    if (*one.value)
      value =
          fmt::format("{}:{}:{}", one.value_is_optional() ? ":" : "", escaped(one.value, "[]"), values_for_zsh(one));
    for (auto const* name : {one.name, one.short_name})
      if (*name) text += fmt::format(" \\\n  '*{}[{}]{}'", name, escaped(one.help, ":[]"), value);
  }
  return text + " \\\n  '*:file:_files'\n";
}

std::string for_fish() {
  std::string text;
  for (auto const& one : switches()) {
    std::string const name = one.name;
    auto form = name.starts_with("--") ? "-l " + name.substr(2) : "-s " + name.substr(1);
    if (*one.short_name) form = fmt::format("-s {} {}", one.short_name + 1, form);
    text += fmt::format("complete -c nnc {} -d '{}'{}{}\n", form, one.help,
                        *one.value && !one.value_is_optional() ? " -r" : "",
                        one.values ? fmt::format(" {}-a '{}'", one.or_file ? "" : "-f ", joined(one.values())) : "");
  }
  return text;
}

} // namespace

std::string completion_script(std::string const& shell) {
  if (shell == "bash") return for_bash();
  return shell == "zsh" ? for_zsh() : for_fish();
}

} // namespace command
