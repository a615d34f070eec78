using System.Collections;
using System.Text;

namespace Grpc.Core;

/// <summary>Headers or trailers of a call, in order; a key may occur more than once. Keys that end in <c>-bin</c> carry bytes.</summary>
internal sealed class Metadata : IReadOnlyList<Metadata.Entry>
{
    public const string BinaryHeaderSuffix = "-bin";

    private readonly List<Entry> _entries = [];

    public int Count => _entries.Count;

    public Entry this[int index] => _entries[index];

    public void Add(Entry entry) => _entries.Add(entry);

    public void Add(string key, string value) => _entries.Add(new Entry(key, value));

    public void Add(string key, byte[] valueBytes) => _entries.Add(new Entry(key, valueBytes));

    /// <summary>The last entry of that key, as the real package has it; null where there is none.</summary>
    public Entry? Get(string key) => _entries.FindLast(entry => entry.Key.Equals(key, StringComparison.OrdinalIgnoreCase));

    public string? GetValue(string key) => Get(key)?.Value;

    public byte[]? GetValueBytes(string key) => Get(key)?.ValueBytes;

    public IEnumerable<Entry> GetAll(string key) => _entries.Where(entry => entry.Key.Equals(key, StringComparison.OrdinalIgnoreCase));

    public IEnumerator<Entry> GetEnumerator() => _entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>One key with its text (ASCII) or bytes.</summary>
    internal sealed class Entry
    {
        private readonly string? _value;
        private readonly byte[]? _valueBytes;

        public Entry(string key, string value)
        {
            Key = NormalizeKey(key);
            if (IsBinary)
                throw new ArgumentException($"metadata key '{key}' ends in {BinaryHeaderSuffix} and takes bytes", nameof(key));
            if (!IsValidText(value))
                throw new ArgumentException($"'{key}' is not printable ASCII; bytes take a key in {BinaryHeaderSuffix}", nameof(value));
            _value = value;
        }

        public Entry(string key, byte[] valueBytes)
        {
            Key = NormalizeKey(key);
            if (!IsBinary)
                throw new ArgumentException($"metadata key '{key}' does not end in {BinaryHeaderSuffix} and takes text", nameof(key));
            _valueBytes = valueBytes;
        }

        public string Key { get; }

        public bool IsBinary => Key.EndsWith(BinaryHeaderSuffix, StringComparison.Ordinal);

        /// <exception cref="InvalidOperationException">The entry holds bytes.</exception>
        public string Value => _value ?? throw new InvalidOperationException($"metadata '{Key}' holds bytes");

        public byte[] ValueBytes => _valueBytes ?? Encoding.ASCII.GetBytes(Value);

        internal static bool IsValidKey(string key) =>
            key.Length > 0 && key.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

        internal static bool IsValidText(string value) => value.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0;

        private static string NormalizeKey(string key) => IsValidKey(key)
            ? key.ToLowerInvariant()
            : throw new ArgumentException($"'{key}' is not a metadata key: letters, digits, '-', '_' and '.' only", nameof(key));
    }
}
