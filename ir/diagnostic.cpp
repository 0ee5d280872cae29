// Sources and the text of diagnostics.
#include "ir/diagnostic.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc {

u32 Sources::add(std::string name, std::string text) {
  auto file = std::make_unique<File>();
  file->name = std::move(name);
  file->text = std::move(text);
  file->starts.push_back(0);
  for (size_t i = 0; i < file->text.size(); ++i)
    if (file->text[i] == '\n') file->starts.push_back(static_cast<u32>(i + 1));
  files_.push_back(std::move(file));
  return count();
}

std::string const& Sources::name(u32 file) const {
  static std::string const nowhere;
  return file == 0 || file > files_.size() ? nowhere : files_[file - 1]->name;
}

std::string const& Sources::text(u32 file) const {
  static std::string const nothing;
  return file == 0 || file > files_.size() ? nothing : files_[file - 1]->text;
}

std::string_view Sources::line(u32 file, u32 line) const {
  if (file == 0 || file > files_.size()) return {};
  File const& f = *files_[file - 1];
  if (line == 0 || line > f.starts.size()) return {};
  size_t begin = f.starts[line - 1];
  size_t end = line < f.starts.size() ? f.starts[line] - 1 : f.text.size();
  std::string_view text(f.text);
  text = text.substr(begin, end - begin);
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  return text;
}

bool has_errors(std::vector<Diagnostic> const& all) {
  return std::any_of(all.begin(), all.end(), [](Diagnostic const& d) { return d.severity == Severity::error; });
}

namespace {

std::string_view severity_text(Severity s) {
  switch (s) {
  case Severity::error: return "error";
  case Severity::warning: return "warning";
  case Severity::note: return "note";
  }
  return "";
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// What a terminal must not be told, as text.
std::string harmless(std::string_view s) {
  std::string out;
  for (char c : s)
    if (is_control(c) && c != '\n' && c != '\t') out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else out += c;
  return out;
}

std::string headline(Location at, std::string_view severity, std::string_view message, Sources const& sources) {
  if (!at) return fmt::format("{}: {}\n", severity, harmless(message));
  return fmt::format("{}:{}:{}: {}: {}\n", sources.name(at.file), at.line, at.column, severity, harmless(message));
}

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }
constexpr size_t widest = 160; // of a line that is shown whole
constexpr size_t around = 60;  // bytes of a longer one that are shown on each side of its place

// Columns count bytes; on the screen a character of several bytes takes one place, and a tab is kept as a tab.
std::string excerpt(Location at, Sources const& sources) {
  auto line = sources.line(at.file, at.line);
  if (!at || line.empty()) return "";
  size_t begin = std::min<size_t>(at.column ? at.column - 1 : 0, line.size());
  size_t end = std::min<size_t>(begin + std::max<u32>(at.length, 1), line.size());
  bool const cut = line.size() > widest;
  size_t first = cut && begin > around ? begin - around : 0;
  size_t last = cut ? std::min(begin + 2 * around, line.size()) : line.size();
  while (first > 0 && continues_character(line[first])) --first;
  while (last < line.size() && continues_character(line[last])) ++last;
  std::string const ahead = first > 0 ? "..." : "";
  std::string margin = fmt::format("{:>3} | ", at.line);
  std::string out = margin + ahead;
  for (char c : line.substr(first, last - first)) out += is_control(c) && c != '\t' ? '?' : c;
  out += fmt::format("{}\n{}| {}", last < line.size() ? "..." : "", std::string(margin.size() - 2, ' '),
                     std::string(ahead.size(), ' '));
  for (char c : line.substr(first, begin - first))
    if (!continues_character(c)) out += c == '\t' ? '\t' : ' ';
  out += '^';
  for (size_t i = begin + 1; i < std::min(end, last); ++i)
    if (!continues_character(line[i])) out += '~';
  return out + "\n";
}

} // namespace

std::string render(Diagnostic const& d, Sources const& sources) {
  std::string out = headline(d.at, severity_text(d.severity), d.message, sources) + excerpt(d.at, sources);
  for (auto const& n : d.notes) out += headline(n.at, "note", n.message, sources);
  if (d.help) out += "help: " + harmless(*d.help) + "\n";
  return out;
}

std::string render(std::vector<Diagnostic> const& all, Sources const& sources) {
  std::string out;
  for (auto const& d : all) out += render(d, sources);
  return out;
}

namespace {

// How many letters have to be put in, left out, replaced or swapped with their neighbour to make b of a (the distance
// of optimal string alignment): rows i - 2, i - 1 and i of the table, where row i holds the distances of the first i
// letters of a from every beginning of b.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> two_above(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    two_above.swap(above);
    above.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], two_above[j - 2] + 1);
    }
  }
  return row[b.size()];
}

} // namespace

std::string nearest(std::string_view word, std::vector<std::string> const& candidates) {
  if (word.size() > 100) return {}; // nobody types such a word, and comparing takes time
  size_t best =
      std::max<size_t>(word.size() / 3, 1) + 1; // one slip in a short word, one in three letters in a long one
  std::string found;
  for (auto const& c : candidates) {
    if (c.size() > word.size() + best || word.size() > c.size() + best) continue;
    size_t d = edit_distance(word, c);
    // Of equally near ones the first in the alphabet, so that the order of the candidates does not show.
    if (d < best || (d == best && !found.empty() && c < found)) {
      best = d;
      found = c;
    }
  }
  return found;
}

} // namespace nnc
