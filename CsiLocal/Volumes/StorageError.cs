namespace CsiLocal.Volumes;

/// <summary>What went wrong, in the driver's own vocabulary; <c>Rpc/</c> maps each value to one gRPC status code.</summary>
internal enum StorageError
{
    /// <summary>A field of the request is missing, malformed or contradicts another.</summary>
    InvalidArgument,

    /// <summary>The volume, snapshot or path does not exist.</summary>
    NotFound,

    /// <summary>The name is taken by something with another specification.</summary>
    AlreadyExists,

    /// <summary>A size outside what can be given, or a paging position that does not exist.</summary>
    OutOfRange,

    /// <summary>Not enough space, or no topology that fits.</summary>
    ResourceExhausted,

    /// <summary>The state of the volume forbids the call; the remedy says what has to change first.</summary>
    FailedPrecondition,

    /// <summary>Another operation on the same volume is under way; try again.</summary>
    Aborted,

    /// <summary>The driver or the pool is not ready; try again later.</summary>
    Unavailable,

    /// <summary>The volume's data or identity does not match its record: nothing was touched, a person has to look.</summary>
    DataLoss,

    /// <summary>A tool or the system failed in a way that the caller cannot mend.</summary>
    Internal,
}
