namespace CsiLocal.Volumes;

/// <summary>An expected failure: what was attempted, on which id, what was found, and what to do about it.</summary>
/// <param name="error">The kind of failure.</param>
/// <param name="message">Operation, id and fact, one line, without a full stop: "expand volume v…: the image is 1073741824 bytes, …".</param>
/// <param name="remedy">What the reader can do; null where there is nothing to do.</param>
/// <param name="inner">What caused it, for the log.</param>
internal sealed class StorageException(StorageError error, string message, string? remedy = null, Exception? inner = null)
    : Exception(message, inner)
{
    public StorageError Error { get; } = error;

    public string? Remedy { get; } = remedy;

    /// <summary>Message and remedy in one line, as a caller of the RPC sees it.</summary>
    public string Describe() => Remedy is null ? Message : $"{Message}; {Remedy}";

    /// <summary>The same of any failure that is told of instead of being thrown.</summary>
    public static string Describe(Exception failure) => failure is StorageException known ? known.Describe() : failure.Message;
}
