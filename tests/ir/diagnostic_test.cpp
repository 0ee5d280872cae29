// What a person reads when something is wrong.
#include "ir/diagnostic.h"
#include "ir/printable.h"

#include <doctest/doctest.h>

using namespace nnc;

TEST_CASE("a message shows the line, a caret under the place, notes and help") {
  Sources sources;
  u32 file = sources.add("mlp.nn", "a = 1\nlogits = h |> head(classes = 10)\n");
  Diagnostic d{.at = {file, 2, 15, 4}, .message = "head expects f32[.., 784], got f32[batch, 10]"};
  d.notes.push_back({{file, 1, 1, 0}, "head declares its argument here"});
  d.help = "h has the type f32[batch, 784] and would fit";
  CHECK(render(d, sources) == "mlp.nn:2:15: error: head expects f32[.., 784], got f32[batch, 10]\n"
                              "  2 | logits = h |> head(classes = 10)\n"
                              "    |               ^~~~\n"
                              "mlp.nn:1:1: note: head declares its argument here\n"
                              "help: h has the type f32[batch, 784] and would fit\n");
}

TEST_CASE("places outside of the text show no caret, and do no harm") {
  Sources sources;
  u32 file = sources.add("a.nn", "x");
  CHECK(render(Diagnostic{.at = {}, .message = "m"}, sources) == "error: m\n");
  CHECK(render(Diagnostic{.at = {file, 9, 9, 9}, .message = "m"}, sources) == "a.nn:9:9: error: m\n");
  CHECK(render(Diagnostic{.at = {file, 1, 5, 3}, .message = "m"}, sources) ==
        "a.nn:1:5: error: m\n  1 | x\n    |  ^\n");
  CHECK(sources.line(0, 1).empty());
  CHECK(sources.name(7).empty());
}

TEST_CASE("characters of several bytes take one column, tabs stay tabs") {
  Sources sources;
  u32 file = sources.add("a.nn", "\t\xC3\xA4 = \xC3\xB6\xC3\xB6x\r\n");
  CHECK(render(Diagnostic{.at = {file, 1, 7, 5}, .message = "m"}, sources) ==
        "a.nn:1:7: error: m\n  1 | \t\xC3\xA4 = \xC3\xB6\xC3\xB6x\n    | \t    ^~~\n");
}

TEST_CASE("of a long line the part around the place is shown, and nothing that steers a terminal") {
  Sources sources;
  u32 file = sources.add("t.nn", std::string(300, 'a') + "bad" + std::string(300, 'z') + "\n\x1b[31m red");
  CHECK(render(Diagnostic{.at = {file, 1, 301, 3}, .message = "no"}, sources) ==
        "t.nn:1:301: error: no\n  1 | ..." + std::string(60, 'a') + "bad" + std::string(117, 'z') + "...\n    |    " +
            std::string(60, ' ') + "^~~\n");
  CHECK(render(Diagnostic{.at = {file, 2, 6, 3}, .message = "\x1b is no word"}, sources) ==
        "t.nn:2:6: error: \\x1b is no word\n  2 | \\x1b[31m red\n    |         ^~~\n");
}

TEST_CASE("what moves a cursor, turns the direction of writing or is no text is spelled out") {
  CHECK(printable("a\x1b[2J\nb\t\x7f") == "a\\x1b[2J\\nb\\t\\x7f");
  CHECK(printable("\xE2\x80\xAE"
                  "drow\xE2\x81\xA9") == "\\u{202e}drow\\u{2069}");
  CHECK(printable("\xC2\x9B"
                  "31m\xE2\x80\x8B.") == "\\u{9b}31m\\u{200b}.");
  CHECK(printable("\xFF\xC3(\xED\xA0\x80 \xF4\x90\x80\x80") == "\\xff\\xc3(\\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80");
  CHECK(printable(std::string_view("a\0b", 3)) == "a\\x00b");
  CHECK(printable("\xC3\xA4 \xE6\xBC\xA2 \xF0\x9F\x98\x80") == "\xC3\xA4 \xE6\xBC\xA2 \xF0\x9F\x98\x80");
  Sources sources;
  u32 file = sources.add("a\x1b\n.nn", "x = \"\xE2\x80\xAE\xFF\" + y");
  CHECK(render(Diagnostic{.at = {file, 1, 14, 1}, .message = "no \xE2\x80\xAE", .notes = {{{file, 1, 1, 1}, "\r"}}},
               sources) == "a\\x1b\\n.nn:1:14: error: no \\u{202e}\n"
                           "  1 | x = \"\\u{202e}\\xff\" + y\n"
                           "    |                      ^\n"
                           "a\\x1b\\n.nn:1:1: note: \\x0d\n");
}

TEST_CASE("long names and long texts are cut, between characters") {
  Sources sources;
  auto const shown = render(Diagnostic{.at = {}, .message = "no `" + std::string(10000, 'a') + "`, only b"}, sources);
  CHECK(shown == "error: no `" + std::string(79, 'a') + "..." + std::string(38, 'a') + "`, only b\n");
  std::string many, wide;
  for (int i = 0; i < 10000; ++i) many += "word ", wide += "\xC3\xA4";
  CHECK(shortened(many).size() < 1300);
  CHECK(shortened(many).starts_with("word word"));
  auto const cut = shortened(wide);
  CHECK(cut.size() < 200);
  CHECK(printable(cut) == cut); // no half characters
  CHECK(shortened("") == "");
  CHECK(shortened(" two  words ") == " two  words ");
}

TEST_CASE("the first errors and the first warnings are shown, and how many more there are") {
  Sources sources;
  std::vector<Diagnostic> all;
  for (int i = 0; i < 5; ++i) {
    all.push_back({.at = {}, .message = "e" + std::to_string(i)});
    all.push_back(warning({}, "w" + std::to_string(i), "h"));
  }
  CHECK(has_errors(all));
  CHECK(!has_errors({warning({}, "w")}));
  CHECK(render(all, sources, 1) ==
        "error: e0\nwarning: w0\nhelp: h\nnote: 4 more errors; Options::max_errors = 0 shows all\n"
        "note: 4 more warnings; Options::max_errors = 0 shows all\n");
  CHECK(render({all.begin(), all.begin() + 3}, sources, 1) ==
        "error: e0\nwarning: w0\nhelp: h\nnote: 1 more error; Options::max_errors = 0 shows all\n");
  CHECK(render(all, sources) == render(all, sources, 5));
}

TEST_CASE("the nearest name is suggested only when it is near") {
  std::vector<std::string> names{"dense", "relu", "softmax", "sigmoid"};
  CHECK(nearest("dens", names) == "dense");
  CHECK(nearest("sofmtax", names) == "softmax");
  CHECK(nearest("relU", names) == "relu");
  CHECK(nearest("rleu", names) == "relu"); // two neighbours swapped are one slip
  CHECK(nearest("convolution", names).empty());
  CHECK(nearest("", names).empty());
  CHECK(nearest("abcd", {"abce", "abca"}) == "abca");
  CHECK(nearest("sub", {"sum"}).empty()); // of three letters every one counts
  CHECK(nearest("median", {"mean"}).empty());
  CHECK(nearest("LayerNorm", {"layer", "layer_norm"}) == "layer_norm"); // neither case nor underscores count
  CHECK(nearest("h", {"g", "hh"}).empty());                             // every short name is near to every other
  CHECK(nearest("hn", {"hm", "hn2"}).empty());
}
