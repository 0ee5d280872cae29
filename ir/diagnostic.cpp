// Sources and the text of diagnostics.
#include "ir/diagnostic.h"

#include "ir/printable.h"

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

Diagnostic warning(Location at, std::string message, std::optional<std::string> help) {
  return {Severity::warning, at, std::move(message), {}, std::move(help)};
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

std::string headline(Location at, std::string_view severity, std::string_view message, Sources const& sources) {
  if (!at) return fmt::format("{}: {}\n", severity, shortened(message));
  return fmt::format("{}:{}:{}: {}: {}\n", printable(sources.name(at.file)), at.line, at.column, severity,
                     shortened(message));
}

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }
constexpr size_t widest = 160; // of a line that is shown whole
constexpr size_t around = 60;  // bytes of a longer one that are shown on each side of its place

// The part of a line around its place, and the marks under it. A character takes one column on the screen, one that is
// spelled out as many as its spelling; a tab stays a tab.
struct Excerpt {
  std::string_view line;
  size_t begin, end; // the bytes that are marked
  std::string shown, marks;

  void add(size_t at, size_t length) {
    bool const tab = line[at] == '\t';
    auto const text = tab ? "\t" : printable(line.substr(at, length));
    shown += text;
    bool const marked = at + length > begin && (at < end || at == begin);
    size_t const width = std::count_if(text.begin(), text.end(), [](char c) { return !continues_character(c); });
    if (marked) marks += std::string(width, '~');
    else if (at < begin) marks += tab ? "\t" : std::string(width, ' ');
  }

  void add_part(size_t first, size_t last) {
    for (size_t at = first, length = 0; at < last; at += length) {
      length = std::max<size_t>(character_length(line.substr(at)), 1);
      add(at, length);
    }
    auto const mark = std::min(marks.find('~'), marks.size());
    marks.replace(mark, 1, "^");
  }
};

std::string excerpt(Location at, Sources const& sources) {
  auto line = sources.line(at.file, at.line);
  if (!at || line.empty()) return "";
  size_t begin = std::min<size_t>(at.column ? at.column - 1 : 0, line.size());
  size_t end = std::min<size_t>(begin + at.length, line.size());
  bool const cut = line.size() > widest;
  size_t first = cut && begin > around ? begin - around : 0;
  size_t last = cut ? std::min(begin + 2 * around, line.size()) : line.size();
  while (first > 0 && continues_character(line[first])) --first;
  while (last < line.size() && continues_character(line[last])) ++last;
  Excerpt part{line, begin, end, first > 0 ? "..." : "", first > 0 ? "   " : ""};
  part.add_part(first, last);
  std::string const margin = fmt::format("{:>3} | ", at.line);
  return fmt::format("{}{}{}\n{}| {}\n", margin, part.shown, last < line.size() ? "..." : "",
                     std::string(margin.size() - 2, ' '), part.marks);
}

} // namespace

std::string render(Diagnostic const& d, Sources const& sources) {
  std::string out = headline(d.at, severity_text(d.severity), d.message, sources) + excerpt(d.at, sources);
  for (auto const& n : d.notes) out += headline(n.at, "note", n.message, sources);
  if (d.help) out += "help: " + shortened(*d.help) + "\n";
  return out;
}

namespace {

std::string not_shown(size_t count, std::string_view what) {
  if (count == 0) return "";
  return fmt::format("note: {} more {}{}; Options::max_errors = 0 shows all\n", count, what, count == 1 ? "" : "s");
}

} // namespace

std::string render(std::vector<Diagnostic> const& all, Sources const& sources, size_t most) {
  std::string out;
  size_t errors = 0, warnings = 0;
  for (auto const& d : all) {
    auto& count = d.severity == Severity::error ? errors : warnings;
    if (++count <= most || most == 0) out += render(d, sources);
  }
  if (most == 0) return out;
  return out + not_shown(errors - std::min(errors, most), "error") +
         not_shown(warnings - std::min(warnings, most), "warning");
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

// Without case and underscores: `LayerNorm` is layer_norm.
std::string letters(std::string_view word) {
  std::string out;
  for (char c : word)
    if (c != '_') out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

} // namespace

Error coded(Code code, Error error) {
  for (auto& diagnostic : error.diagnostics)
    if (!diagnostic.code) diagnostic.code = code;
  return error;
}

std::string nearest(std::string_view word, std::vector<std::string> const& candidates) {
  if (word.size() > 100) return {}; // nobody types such a word, and comparing takes time
  if (word.size() <= 2) return {};
  for (auto const& c : candidates)
    if (letters(word) == letters(c)) return c;
  if (word.size() <= 3) return {};   // every other short name would be near
  size_t best = word.size() / 4 + 1; // one slip in four letters
  std::string found;
  for (auto const& c : candidates) {
    if (c.size() < 2 || c.size() > word.size() + best || word.size() > c.size() + best) continue;
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
