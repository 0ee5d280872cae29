// Texts as data: tokens, vocabularies, streams, lines, folders, prompts and the way back; and files that are no texts.
#include "runtime/data/letters.h"
#include "runtime/data/reading.h"
#include "runtime/data/vocabulary.h"
#include "tests/runtime/scratch.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <clocale>
#include <cwctype>
#include <fmt/core.h>

using namespace nnc;
using namespace nnc::test;
using namespace std::string_literals;

namespace {

using Unit = TextRules::Unit;
using Words = std::vector<std::string>;

Words tokens_of(std::string const& text, TextRules const& rules) {
  Words found;
  for (Tokens tokens(text, rules, {"a.txt"}); tokens.next();) found.emplace_back(tokens.token());
  return found;
}
Words words(std::string const& text, bool lower = false) { return tokens_of(text, {.unit = Unit::words, .lower = lower}); }
Words characters(std::string const& text) { return tokens_of(text, {}); }

std::vector<i32> numbers_in(HostTensor const& tensor) {
  auto const all = tensor.as<i32>();
  return {all.begin(), all.end()};
}
using Numbers = std::vector<i32>;

// Reads one item with options written as in a specification.
Dataset read(Reader reader, DataItem const& item, std::map<std::string, std::string> const& given = {},
             Encodings const& known = {}) {
  ReadOptions options(given);
  auto set = reader({item, item.path, options, known});
  options.expect_all_used(item.shown);
  return set;
}
DataItem file_item(std::filesystem::path const& path, std::string const& column = "") {
  return {.column = column, .path = path.string(), .parts = {}, .shown = path.filename().string()};
}
DataItem prompt_item(std::string const& text, std::string const& column = "") {
  return {.column = column, .path = text, .parts = {}, .is_text = true, .shown = "text:\"" + text + "\""};
}

Encoding encoding_of(Words const& tokens, std::map<std::string, std::string> const& options) {
  Encoding encoding{.kind = Encoding::Kind::tokens, .names = {padding_name, unknown_name}, .options = options};
  if (options.contains("marks")) encoding.names.insert(encoding.names.end(), {"<s>", "</s>"});
  encoding.names.insert(encoding.names.end(), tokens.begin(), tokens.end());
  return encoding;
}

// What text_of makes of all tokens of a text.
std::string there_and_back(std::string const& text, std::string const& unit) {
  ReadOptions options({{"unit", unit}});
  auto const encoded = encode_texts({text}, "text", "a.txt", options, {});
  return text_of(encoded.encoding, encoded.numbers.as<i32>());
}

} // namespace

TEST_CASE("words are runs of letters and digits, and every other visible character for itself") {
  CHECK(words("In the beginning, God created 2 things.\n") ==
        Words{"In", "the", "beginning", ",", "God", "created", "2", "things", "."});
  CHECK(words("don't 'tis rock'n'roll students' it’s") ==
        Words{"don't", "'", "tis", "rock'n'roll", "students", "'", "it’s"});
  CHECK(words("a-b a_b x=3.14 <a@b.c> ...") ==
        Words{"a", "-", "b", "a", "_", "b", "x", "=", "3", ".", "14", "<", "a", "@", "b", ".", "c", ">", ".", ".", "."});
  CHECK(words("¿Qué años? Größe naïve Ελλάδα привет ½") ==
        Words{"¿", "Qué", "años", "?", "Größe", "naïve", "Ελλάδα", "привет", "½"});
  CHECK(words("你好，世界 カナ 한국어 😀") == Words{"你", "好", "，", "世", "界", "カ", "ナ", "한국어", "😀"});
  CHECK(words("e\u0301t\u00a0a\u200bb\u2014c") == Words{"e\u0301t", "a", "b", "\u2014", "c"});
  CHECK(words(" \t\r\n\v\f\0"s) == Words{});
  CHECK(words("a'") == Words{"a", "'"});
  CHECK(words("ÀÉÎ ΑΣ Жук don'T ABC1", true) == Words{"àéî", "ασ", "жук", "don't", "abc1"});
}

TEST_CASE("characters are those of UTF-8, and the end of a line is one of them") {
  CHECK(characters("aé\r\n世😀\r\t\0"s) == Words{"a", "é", "\n", "世", "😀", "\r", "\t", "\0"s});
  CHECK(tokens_of("AÉb", {.lower = true}) == Words{"a", "é", "b"});
  CHECK(tokens_of("é\r\n", {.unit = Unit::bytes}) == Words{"\xc3", "\xa9", "\r", "\n"});
}

TEST_CASE("letters and their small ones are those of the C library") {
  auto const old = std::string(std::setlocale(LC_CTYPE, nullptr));
  if (!std::setlocale(LC_CTYPE, "C.UTF-8")) return;
  int capitals = 0, letters = 0;
  for (u32 code = 0; code < 0x530; ++code) {
    auto const small = small_letter(code);
    if (small != code) {
      ++capitals;
      CHECK_MESSAGE(small == static_cast<u32>(std::towlower(static_cast<wint_t>(code))), fmt::format("U+{:04x}", code));
    }
    if (!std::iswalpha(static_cast<wint_t>(code))) continue;
    ++letters;
    CHECK_MESSAGE(kind_of_letter(code) == Letter::letter, fmt::format("U+{:04x}", code));
  }
  CHECK(capitals > 300);
  CHECK(letters > 1000);
  std::setlocale(LC_CTYPE, old.c_str());
}

TEST_CASE("what is no UTF-8 is refused with line and column") {
  auto const error = [](std::string const& text, Unit unit) {
    return error_of([&] { tokens_of(text, {.unit = unit}); });
  };
  for (auto const unit : {Unit::characters, Unit::words}) {
    CHECK(error("ab\xff", unit) == "a.txt:1:3: the byte 0xff begins no character of UTF-8");
    CHECK(error("a\nb\né\xc3(", unit) == "a.txt:3:3: the byte 0xc3 begins no character of UTF-8");
    CHECK(error("\xed\xa0\x80", unit) == "a.txt:1:1: the byte 0xed begins no character of UTF-8"); // a surrogate
    CHECK(error("a\xe4\xb8", unit) == "a.txt:1:2: the byte 0xe4 begins no character of UTF-8");     // is cut
    CHECK(error("a'\x80", unit) == "a.txt:1:3: the byte 0x80 begins no character of UTF-8");
  }
  CHECK(error("ab\xff", Unit::bytes) == "no error");
}

TEST_CASE("a vocabulary goes by frequency, then by bytes") {
  TokenCounts counts;
  for (auto const* token : {"b", "the", "a", "the", "b", "zu", "an", "é"}) counts.add(token);
  CHECK(counts.different() == 6);
  CHECK(counts.total() == 8);
  constexpr i64 any = 1000;
  CHECK(counts.vocabulary({}, any, 1) == Words{"<pad>", "<unk>", "b", "the", "a", "an", "zu", "é"});
  CHECK(counts.vocabulary({}, 5, 1) == Words{"<pad>", "<unk>", "b", "the", "a"});
  CHECK(counts.vocabulary({.marks = true}, any, 2) == Words{"<pad>", "<unk>", "<s>", "</s>", "b", "the"});
}

TEST_CASE("a file is one stream of characters") {
  Scratch scratch;
  auto const path = scratch.write("a.txt", "\xEF\xBB\xBF" "abba\r\nc");
  auto const set = read(read_text, file_item(path));
  REQUIRE(set.train.columns.size() == 1);
  CHECK(set.train.columns[0].name == "text");
  CHECK(set.train.columns[0].tensor.type_text() == "i32[6]");
  CHECK(numbers_in(set.train.columns[0].tensor) == Numbers{2, 3, 3, 2, 4, 5});
  CHECK(set.train.examples == 6);
  CHECK(set.encodings.at("text").names == Words{"<pad>", "<unk>", "a", "b", "\n", "c"});
  CHECK(read(read_text, file_item(path), {{"time", "4"}}).encodings.at("text").options.at("time") == "4");
  CHECK(set.files == Words{path.string()});
  CHECK(set.notes.empty());
  CHECK(text_of(set.encodings.at("text"), set.train.columns[0].tensor.as<i32>()) == "abba\nc");
}

TEST_CASE("the vocabulary of the training is the one of what is read later, and what it lacks is said") {
  Scratch scratch;
  auto const first = read(read_text, file_item(scratch.write("a.txt", "the cat. The cat")), {{"unit", "words"}, {"lower", "yes"}});
  CHECK(numbers_in(first.train.columns[0].tensor) == Numbers{3, 2, 4, 3, 2});
  auto const later = read(read_text, file_item(scratch.write("b.txt", "The dog.\nA cat")), {}, first.encodings);
  CHECK(numbers_in(later.train.columns[0].tensor) == Numbers{3, 1, 4, 1, 2});
  CHECK(later.encodings == first.encodings);
  REQUIRE(later.notes.size() == 1);
  CHECK(error_in(scratch, [&] { throw Error(later.notes[0]); }) ==
        "'text': 2 of 5 tokens are not in the vocabulary of 3 words and are read as <unk>, the first one is 'dog' in b.txt:1");
  auto const error = [&](std::map<std::string, std::string> const& options, Encodings const& known) {
    return error_in(scratch, [&] { read(read_text, file_item(scratch / "b.txt"), options, known); });
  };
  CHECK(error({{"unit", "words"}, {"lower", "yes"}}, first.encodings) == "no error");
  CHECK(error({{"unit", "bytes"}}, first.encodings) == "unit=bytes: the model was trained with unit=words for 'text'");
  CHECK(error({{"lower", "no"}}, first.encodings) == "lower=no: the model was trained with lower=yes for 'text'");
  CHECK(error({}, {{"text", {.kind = Encoding::Kind::categories, .names = {"a"}}}}) ==
        "'text' is text here, and was categories where the model was trained");
  CHECK(error({}, {{"text", {.kind = Encoding::Kind::tokens, .names = {"a"}}}}) ==
        "the vocabulary of 'text' has 1 names, expected at least 2");
  CHECK(error({{"unit", "letters"}}, {}) == "unit=letters: expected one of bytes, characters, words");
}

TEST_CASE("a vocabulary is capped by its size and by how often a token occurs") {
  Scratch scratch;
  auto const path = scratch.write("a.txt", "a a a b b c d");
  auto const capped = read(read_text, file_item(path), {{"unit", "words"}, {"vocab", "4"}});
  CHECK(numbers_in(capped.train.columns[0].tensor) == Numbers{2, 2, 2, 3, 3, 1, 1});
  CHECK(capped.notes == Words{"'text': the vocabulary has 2 of 4 different words, and 2 of 7 tokens are read as <unk>"});
  auto const rare = read(read_text, file_item(path), {{"unit", "words"}, {"min_count", "3"}});
  CHECK(rare.encodings.at("text").names == Words{"<pad>", "<unk>", "a"});
}

TEST_CASE("bytes are their own numbers") {
  Scratch scratch;
  auto const path = scratch.write("a.txt", "\xEF\xBB\xBF" "a\0\xff\r\n"s);
  auto const set = read(read_text, file_item(path, "x"), {{"unit", "bytes"}});
  CHECK(set.train.columns[0].name == "x");
  CHECK(numbers_in(set.train.columns[0].tensor) == Numbers{0xEF, 0xBB, 0xBF, 'a', 0, 0xFF, '\r', '\n'});
  auto const& names = set.encodings.at("x").names;
  CHECK(names.size() == 256);
  CHECK(names[0] == "<pad>");
  CHECK(names['a'] == "a");
  CHECK(names[' '] == "<0x20>");
  CHECK(text_of(set.encodings.at("x"), set.train.columns[0].tensor.as<i32>()) == "\xEF\xBB\xBF" "a\xff\r\n");
  auto const marked = read(read_text, file_item(scratch.write("b.txt", "ab\n\nc")),
                           {{"unit", "bytes"}, {"marks", "yes"}, {"as", "lines"}});
  CHECK(numbers_in(marked.train.columns[0].tensor) == Numbers{256, 'a', 'b', 257, 256, 257, 0, 0, 256, 'c', 257, 0});
}

TEST_CASE("lines are examples, padded to the longest one") {
  Scratch scratch;
  auto const path = scratch.write("a.txt", "the cat sat\r\n\nthe dog");
  auto const set = read(read_text, file_item(path), {{"as", "lines"}});
  REQUIRE(set.train.columns.size() == 2);
  CHECK(set.train.examples == 3);
  CHECK(set.train.column("text")->type_text() == "i32[3,3]");
  CHECK(numbers_in(*set.train.column("text")) == Numbers{2, 3, 5, 0, 0, 0, 2, 4, 0});
  CHECK(numbers_in(*set.train.column("text_length")) == Numbers{3, 0, 2});
  REQUIRE(set.notes.size() == 1);
  CHECK(error_in(scratch, [&] { throw Error(set.notes[0]); }) ==
        "'text': 1 of 3 texts has no token, the first one at a.txt:2");
}

TEST_CASE("lines are cut at a length, and marks stay around them") {
  Scratch scratch;
  auto const path = scratch.write("a.txt", "a a a a b\nb\n");
  auto const cut = read(read_text, file_item(path), {{"as", "lines"}, {"time", "2"}});
  CHECK(numbers_in(*cut.train.column("text")) == Numbers{2, 2, 3, 0});
  CHECK(numbers_in(*cut.train.column("text_length")) == Numbers{2, 1});
  CHECK(cut.notes == Words{"'text': 1 of 2 texts are cut at time=2"});
  auto const marked = read(read_text, file_item(path), {{"as", "lines"}, {"time", "4"}, {"marks", "yes"}});
  CHECK(numbers_in(*marked.train.column("text")) == Numbers{2, 4, 4, 3, 2, 5, 3, 0});
  CHECK(numbers_in(*marked.train.column("text_length")) == Numbers{4, 3});
  CHECK(text_of(marked.encodings.at("text"), marked.train.column("text")->as<i32>().subspan(4)) == "b");
  // What is read later has the length of the training.
  auto const later = read(read_text, file_item(scratch.write("b.txt", "b\n")), {}, marked.encodings);
  CHECK(numbers_in(*later.train.column("text")) == Numbers{2, 5, 3, 0});
  auto const longer = read(read_text, file_item(scratch / "b.txt"), {{"time", "6"}}, marked.encodings);
  CHECK(numbers_in(*longer.train.column("text")) == Numbers{2, 5, 3, 0, 0, 0});
}

TEST_CASE("texts of a table are encoded by a callback") {
  ReadOptions options({{"unit", "words"}, {"lower", "yes"}});
  auto const encoded = encode_texts({"Hello, world", "", "hello"}, "body", "mails.csv", options, {});
  CHECK(numbers_in(encoded.numbers) == Numbers{2, 3, 4, 0, 0, 0, 2, 0, 0});
  CHECK(numbers_in(encoded.length) == Numbers{3, 0, 1});
  Dataset set;
  add_texts(set, "body", encoded);
  CHECK(set.train.examples == 3);
  CHECK(set.train.columns[1].name == "body_length");
  ReadOptions later;
  CHECK(numbers_in(encode_texts({"World"}, "body", "new.csv", later, set.encodings).numbers) == Numbers{4, 0, 0});
  ReadOptions none;
  CHECK(numbers_in(encode_texts({""}, "body", "new.csv", none, {}).numbers) == Numbers{0});
}

TEST_CASE("one long line among many does not become padding without end") {
  std::string const word = "a ";
  std::string longest;
  for (int i = 0; i < 200'000; ++i) longest += word;
  std::vector<std::string_view> texts(200'000, "a");
  texts[7] = longest;
  ReadOptions options(std::map<std::string, std::string>{{"unit", "words"}});
  CHECK(error_of([&] { encode_texts(texts, "body", "a.csv", options, {}); }) ==
        "'body': the longest text has 200000 tokens, and 200000 texts padded to this length are too many");
  ReadOptions cut({{"unit", "words"}, {"time", "2"}});
  CHECK(encode_texts(texts, "body", "a.csv", cut, {}).numbers.type_text() == "i32[200000,2]");
}

TEST_CASE("a folder of classes has an example for each file") {
  Scratch scratch;
  scratch.write("mails/ham/1.txt", "hello you\nand me");
  scratch.write("mails/spam/a.txt", "buy");
  scratch.write("mails/spam/b.txt", "buy buy");
  auto const set = read(read_text_folder, file_item(scratch / "mails"));
  CHECK(numbers_in(*set.train.column("text")) == Numbers{4, 6, 3, 5, 2, 0, 0, 0, 2, 2, 0, 0});
  CHECK(numbers_in(*set.train.column("label")) == Numbers{0, 1, 1});
  CHECK(set.class_names == Words{"ham", "spam"});
  CHECK(set.files.size() == 3);
  // Later, only one of the classes.
  scratch.write("later/spam/c.txt", "me buy it");
  auto const later = read(read_text_folder, file_item(scratch / "later"), {}, set.encodings);
  CHECK(numbers_in(*later.train.column("label")) == Numbers{1});
  CHECK(numbers_in(*later.train.column("text")) == Numbers{5, 2, 1, 0});
  scratch.write("new/eggs/c.txt", "me");
  CHECK(error_in(scratch, [&] { read(read_text_folder, file_item(scratch / "new"), {}, set.encodings); }) ==
        "new/eggs: unknown category 'eggs' of 'the classes', expected one of 'ham', 'spam'");
  // Without classes there is no label.
  scratch.write("flat/1.txt", "buy");
  scratch.write("flat/2.txt", "me");
  auto const flat = read(read_text_folder, file_item(scratch / "flat"), {}, set.encodings);
  CHECK(flat.train.examples == 2);
  CHECK(!flat.train.column("label"));
  scratch.write("bad/ham/1.txt", "ok\nno\xff");
  CHECK(error_in(scratch, [&] { read(read_text_folder, file_item(scratch / "bad")); }) ==
        "bad/ham/1.txt:2:3: the byte 0xff begins no character of UTF-8");
}

TEST_CASE("a prompt is one example in the vocabulary of a checkpoint") {
  Encodings const known{{"text", encoding_of({"a", "b", " "}, {{"unit", "characters"}, {"as", "stream"}})}};
  auto const set = read(read_text, prompt_item("ab c"), {}, known);
  CHECK(set.train.column("text")->type_text() == "i32[1,4]");
  CHECK(numbers_in(*set.train.column("text")) == Numbers{2, 3, 4, 1});
  CHECK(numbers_in(*set.train.column("text_length")) == Numbers{4});
  CHECK(set.encodings == known);
  CHECK(set.notes == Words{"'text': 1 of 4 tokens are not in the vocabulary of 3 characters and are read as <unk>, the "
                           "first one is 'c' in prompt:1"});
  // A model of padded texts gets what it was trained on.
  Encodings const pairs{
      {"english", encoding_of({"a", "b"}, {{"unit", "words"}, {"as", "lines"}, {"time", "5"}, {"marks", "yes"}})},
      {"spanish", encoding_of({"c"}, {{"unit", "words"}, {"as", "lines"}, {"time", "3"}})}};
  auto const padded = read(read_text, prompt_item("b a", "english"), {}, pairs);
  CHECK(numbers_in(*padded.train.column("english")) == Numbers{2, 5, 4, 3, 0});
  auto const error = [](DataItem const& item, Encodings const& known) {
    return error_of([&] { read(read_text, item, {}, known); });
  };
  CHECK(error(prompt_item("a"), {}) == "a prompt needs the vocabulary of a checkpoint");
  CHECK(error(prompt_item("a"), pairs) == "the model reads 2 texts, and the prompt is for none of them");
  CHECK(error(prompt_item("a", "french"), pairs) == "the model reads no text 'french'");
  CHECK(error(prompt_item(""), known) == "the prompt has no token");
  CHECK(error(prompt_item("a\xff"), known) == "prompt:1:2: the byte 0xff begins no character of UTF-8");
}

TEST_CASE("numbers become text again") {
  for (std::string const text : {"In the beginning (of it), God said: \"Let there be light\"; and there was - 3.14 1,000 10:30 light!",
                                 "don't", "你好，世界", "¿Qué? ¡Sí!", "“So,” he said… it’s 5% of $20"}) {
    auto const again = there_and_back(text, "words");
    CHECK(words(again) == words(text));
    if (text.find(" - ") == text.npos) CHECK(again == text);
    CHECK(there_and_back(text, "characters") == text);
    CHECK(there_and_back(text, "bytes") == text);
  }
  CHECK(there_and_back("a@b.c", "words") == "a @b. c");
  CHECK(there_and_back("well-known and / or - not", "words") == "well-known and/or-not");
  auto const marked = encoding_of({"a", "b"}, {{"unit", "characters"}, {"marks", "yes"}});
  CHECK(text_of(marked, Numbers{2, 4, 5, 0, 1, 4, 3, 5, 5}) == "ab\uFFFDa");
  CHECK(text_of(marked, Numbers{-1, 99, 4}) == "a");
  auto const unmarked = encoding_of({"a", "b"}, {{"unit", "words"}});
  CHECK(text_of(unmarked, Numbers{2, 3, 1, 0, 2}) == "a b <unk> a");
  CHECK(text_of({}, Numbers{0, 1, 2}).empty());
}

TEST_CASE("what is no text file is refused") {
  Scratch scratch;
  auto const error = [&](std::string const& content, std::map<std::string, std::string> const& options) {
    return error_in(scratch, [&] { read(read_text, file_item(scratch.write("a.txt", content)), options); });
  };
  CHECK(error("", {}) == "a.txt: has no token, expected a text");
  CHECK(error("\xEF\xBB\xBF", {}) == "a.txt: has no token, expected a text");
  CHECK(error(" \n", {{"unit", "words"}}) == "a.txt: has no token, expected a text");
  CHECK(error("", {{"as", "lines"}}) == "a.txt: has no line, expected one for each example");
  CHECK(error("a\nb\xff", {{"as", "lines"}}) == "a.txt:2:2: the byte 0xff begins no character of UTF-8");
  CHECK(error("a", {{"as", "words"}}) == "as=words: expected one of stream, lines");
  CHECK(error("a", {{"time", "0"}}) == "time=0: expected a whole number from 1 to 2147483647");
  CHECK(error("a", {{"marks", "maybe"}}) == "marks=maybe: expected one of yes, no");
  DataItem const parts{.column = "", .path = (scratch / "a.txt").string(), .parts = {"body"}, .shown = "a.txt:body"};
  CHECK(error_of([&] { read(read_text, parts); }) == "'a.txt:body': a text has no columns, expected nothing behind the colon");
  CHECK(error_in(scratch, [&] { read(read_text, file_item(scratch / "none.txt")); }) ==
        "none.txt: cannot open: no such file or directory");
}

// Whatever a text has become: an Error with a place in it, or columns whose numbers are all in the vocabulary, the same
// ones when they are read again by the vocabulary that was made.
TEST_CASE("mutants of texts are read or refused") {
  Scratch scratch;
  u64 state = 11;
  auto const below = [&](u64 n) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33) % n;
  };
  std::string const start = "\xEF\xBB\xBF" "In the beginning, don’t  \"stop\".\r\nGröße 你好 😀\n\nlast\tline \0 x\n"s;
  std::string const pieces[] = {"\xff", "\0"s, "\r", "\n", "\r\n", "\xEF\xBB\xBF", "'", "\xe4\xb8", "é", "\xed\xa0\x80", "", "\xf4\x90\x80\x80"};
  Words const units{"bytes", "characters", "words"};
  int refused = 0, was_read = 0;
  for (int mutant = 0; mutant < 2400; ++mutant) {
    auto text = start;
    for (u64 edits = 1 + below(4); edits > 0 && !text.empty(); --edits) {
      auto const at = below(text.size());
      switch (below(4)) {
      case 0: text[at] = static_cast<char>(below(256)); break;
      case 1: text.insert(at, pieces[below(std::size(pieces))]); break;
      case 2: text.erase(at, 1 + below(9)); break;
      default: text.resize(at);
      }
    }
    auto const path = scratch.write("m/c/a.txt", text);
    std::map<std::string, std::string> options{{"unit", units[below(3)]}};
    if (below(2)) options["as"] = "lines";
    if (below(3) == 0) options["time"] = std::to_string(1 + below(9));
    if (options["unit"] != "bytes" && below(2)) options["lower"] = "yes";
    if (options["unit"] != "bytes" && below(2)) options["vocab"] = std::to_string(5 + below(20));
    if (below(2)) options["marks"] = "yes";
    bool const is_folder = options.erase("as") && below(2);
    if (!is_folder && below(2)) options["as"] = "lines";
    auto const reader = is_folder ? read_text_folder : read_text;
    auto const item = file_item(is_folder ? scratch / "m" : path);
    Dataset set;
    auto const error = error_of([&] { set = read(reader, item, options); });
    if (error != "no error") {
      ++refused;
      CHECK(error.find("a.txt:") != error.npos);
      continue;
    }
    ++was_read;
    auto const& column = *set.train.column("text");
    auto const& encoding = set.encodings.at("text");
    REQUIRE(encodings_text(set.encodings).size() > 2);
    auto const vocabulary = static_cast<i32>(encoding.names.size());
    for (i32 number : column.as<i32>()) REQUIRE((number >= 0 && number < vocabulary));
    auto const again = read(reader, item, options, set.encodings);
    REQUIRE(numbers_in(*again.train.column("text")) == numbers_in(column));
    if (!is_folder && options["unit"] == "characters" && options.size() == 1) {
      auto const text_again = text_of(encoding, column.as<i32>());
      REQUIRE(characters(text_again).size() == column.as<i32>().size());
    }
    auto const prompt = error_of([&] { read(read_text, prompt_item(text), {}, set.encodings); });
    CHECK((prompt == "no error" || prompt.find("prompt") != prompt.npos));
  }
  CHECK(refused > 300);
  CHECK(was_read > 300);
}
