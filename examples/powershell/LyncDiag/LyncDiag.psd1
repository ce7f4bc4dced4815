@{
    RootModule        = 'LyncDiag.psm1'
    ModuleVersion     = '0.1.0'
    GUID              = '6f0b7e0e-5a53-4c6f-9d0c-3f3c8a2f7b41'
    Author            = 'The lyncdiag authors'
    CompanyName       = 'lyncdiag'
    Copyright         = 'MIT licence'
    Description       = 'Says why somebody cannot sign in to Lync or Skype for Business: a script module around the program lyncdiag.'
    PowerShellVersion = '5.1'
    CompatiblePSEditions = @('Desktop', 'Core')
    FormatsToProcess  = @('LyncDiag.Format.ps1xml')
    FunctionsToExport = @(
        'Test-LyncSignIn'
        'Test-LyncDns'
        'Test-LyncFederation'
        'Get-LyncSignInLog'
        'Resolve-LyncError'
        'Compare-LyncReport'
        'New-LyncSupportBundle'
    )
    CmdletsToExport   = @()
    VariablesToExport = @()
    AliasesToExport   = @()
    PrivateData       = @{
        PSData = @{
            Tags       = @('Lync', 'SkypeForBusiness', 'ADFS', 'Diagnostics', 'DNS', 'SIP')
            LicenseUri = 'https://github.com/lyncdiag/go-lyncdiag/blob/main/LICENSE'
            ProjectUri = 'https://github.com/lyncdiag/go-lyncdiag'
        }
    }
}
