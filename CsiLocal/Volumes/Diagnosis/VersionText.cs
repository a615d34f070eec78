namespace CsiLocal.Volumes.Diagnosis;

/// <summary>Finds a version in what a program or the kernel says of itself.</summary>
internal static class VersionText
{
    /// <summary>The first run of numbers with dots: "LVM version: 2.03.16(2)" is 2.3.16. Null where there is none.</summary>
    public static Version? Find(string text)
    {
        for (var start = 0; start < text.Length; start++)
        {
            if (!char.IsAsciiDigit(text[start]) || (start > 0 && char.IsAsciiLetterOrDigit(text[start - 1]) && text[start - 1] != 'v'))
                continue;

            var end = start;
            while (end < text.Length && (char.IsAsciiDigit(text[end]) || (text[end] == '.' && end + 1 < text.Length && char.IsAsciiDigit(text[end + 1]))))
                end++;
            if (Version.TryParse(text.AsSpan(start, end - start), out var version))
                return version;
        }

        return null;
    }
}
