namespace ImageIO.Backends.Testing;

/// <summary>Parts of the contract that not every kind of image has.</summary>
[Flags]
public enum ContractParts
{
    /// <summary>The whole contract.</summary>
    None = 0,

    /// <summary>Images that grow by writes past their end.</summary>
    Growth = 1,

    /// <summary>Images that end inside a block.</summary>
    PartialBlocks = 2,

    /// <summary>Images that are opened more than once at a time.</summary>
    SeveralHandles = 4,
}
